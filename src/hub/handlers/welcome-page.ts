/** What a browser sees that comes to the hub without asking for channels. */
export const WELCOME_PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tradewind hub</title>
<style>
  :root { color-scheme: light dark }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1rem }
  pre { overflow-x: auto; padding: .75rem 1rem; border: 1px solid; border-radius: .5rem }
</style>
<h1>Tradewind hub</h1>
<p>A server of event streams. Follow a channel, and publish on it:</p>
<pre>curl -N '<span class="origin"></span>/?channels=news'
curl -d channel=news -d data=hello <span class="origin"></span>/publish</pre>
<p><a href="/console">The console</a> shows what is going on, if this hub has one.</p>
<script>for (const element of document.querySelectorAll('.origin')) element.textContent = location.origin</script>
</html>
`;
