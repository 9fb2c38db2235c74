import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { browserTest } from '../support/browser-test.js';
import { startSample } from '../support/start-sample.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const run = promisify(execFile);

browserTest('chat: a message posted in one page appears in the other, as text', async (t, browser) => {
  const { url } = await startSample(t, '05-chat');
  const join = async (name: string) => {
    // A context has its own storage, as two people's browsers do.
    const page = await (await browser.newContext()).newPage();
    await page.goto(url);
    await page.getByText('live', { exact: true }).waitFor();
    await page.getByLabel('Your name').fill(name);
    return page;
  };
  const ada = await join('Ada');
  const grace = await join('Grace');
  await ada.getByLabel('Message', { exact: true }).fill('hello <b>Grace</b>');
  await ada.getByRole('button', { name: 'Send' }).click();
  const heard = grace.locator('.said');
  t.is(await heard.locator('p').textContent(), 'hello <b>Grace</b>');
  t.is(await heard.locator('.by b').textContent(), 'Ada');
  await grace.getByLabel('Message', { exact: true }).fill('hello Ada');
  await grace.getByLabel('Message', { exact: true }).press('Enter');
  await ada.getByText('hello Ada').waitFor();
  t.deepEqual(await ada.locator('.said p').allTextContents(), ['hello <b>Grace</b>', 'hello Ada']);
});

browserTest('tokens: a page shows the answer as it is written, and stops it', async (t, browser) => {
  const { url, printed } = await startSample(t, '06-tokens');
  const page = await browser.newPage();
  await page.goto(url);
  await page.getByRole('button', { name: 'Ask' }).click();
  await page.getByText(/^done, \d+ tokens$/).waitFor();
  t.regex(
    (await page.locator('#answer').textContent()) ?? '',
    /^About trade winds, in a few words\.\n\nThe .* where it was\.$/s,
  );
  const [, first, all] = await printed(/Made (\d+) of (\d+) tokens/);
  t.is(first, all);
  await page.getByRole('button', { name: 'Ask' }).click();
  await page.getByText('About trade').waitFor();
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByText(/^stopped after \d+ tokens$/).waitFor();
  const [, made, of] = await printed(/Made .*\nMade (\d+) of (\d+) tokens/);
  t.true(Number(made) < Number(of), `${made} of ${of}`);
});

browserTest('http2: a page has ten streams at once, four more than over HTTP/1.1', async (t, browser) => {
  const { url } = await startSample(t, '08-http2');
  const page = await browser.newPage({ ignoreHTTPSErrors: true });
  await page.goto(url);
  await page.getByText('10 of 10 streams are live, over HTTP/2.0').waitFor();
  t.is(await page.locator('output').count(), 10);
});

browserTest('resume: a page has every number, over servers that are killed and started again', async (t, browser) => {
  const DATA = `${await temporaryFolder(t)}/numbers`;
  let server = await startSample(t, '12-resume', { DATA });
  const { url } = server;
  const page = await browser.newPage();
  await page.goto(url);
  const numbers = page.locator('#numbers li');
  for (const times of ['one return', '2 returns']) {
    await numbers.nth(3).waitFor();
    await page.context().setOffline(true);
    await server.kill();
    await page.getByText('the server is away').waitFor();
    server = await startSample(t, '12-resume', { DATA, PORT: new URL(url).port });
    // Some come before the browser is back, and are sent then.
    await (await server.client('/numbers')).take(3);
    await page.context().setOffline(false);
    await page.getByText(`none missing, ${times}`).waitFor();
    await page.locator('#numbers li:first-child:not(.late)').waitFor();
    t.true((await page.locator('#numbers li.late').count()) > 0);
  }
  const shown = (await numbers.allTextContents()).map(Number).reverse();
  t.deepEqual(
    shown,
    shown.map((_, index) => shown[0]! + index),
  );
});

browserTest('hub: a page has what curl publishes, and what is private for it alone', async (t, browser) => {
  const { url, client } = await startSample(t, '15-hub');
  const HUB = `${url}/.well-known/mercure`;
  // As the sample says it.
  const key = '@samples/15-hub/key.txt';
  const create = ['token', 'create', '--key', key, '--publish', 'orders/{id}', '--expires', '1h'];
  const { stdout } = await run(process.execPath, ['dist/cli/main.js', ...create]);
  const publish = async (...fields: string[]) => {
    const form = fields.flatMap((field) => ['-d', field]);
    return (await run('curl', ['-s', '-H', `Authorization: Bearer ${stdout.trim()}`, ...form, HUB])).stdout;
  };
  const page = await browser.newPage();
  await page.goto(`${url}/orders`);
  await page.getByText('live', { exact: true }).waitFor();
  await page.locator('#latest[data-live]').waitFor();
  const stranger = await client('/.well-known/mercure?topic=orders/1&topic=orders/2');

  const id = await publish('topic=orders/1', 'data=placed <b>now</b>');
  await publish('topic=orders/2', 'data=paid by Kim', 'private=on');
  await page.locator('#log li').nth(1).waitFor();
  t.deepEqual(await page.locator('#log li').allTextContents(), ['paid by Kim', 'placed <b>now</b>']);
  t.is(await page.locator('#log li').nth(1).getAttribute('title'), id);
  await page.locator('#latest').getByText('placed <b>now</b>').waitFor();
  t.regex(await publish('topic=customers/1', 'data=x'), /^403 /);
  await publish('topic=orders/2', 'data=sent');
  t.deepEqual(
    (await stranger.take(2)).map(({ data }) => data),
    ['placed <b>now</b>', 'sent'],
  );
});
