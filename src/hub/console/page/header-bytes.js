/** A header holds bytes: those of UTF-8, as EventSource sends them of an id. A script may give it no other characters. */
export function headerBytes(text) {
  return String.fromCharCode(...new TextEncoder().encode(text));
}
