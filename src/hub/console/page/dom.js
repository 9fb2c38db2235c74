/** The little that this page needs of the document. Texts come from the network: they are set as text, never as HTML. */

/** @returns {any} the element with this id, which is in the page. */
export function byId(id) {
  return document.getElementById(id);
}

/** Makes an element: its properties, then its children, of which strings are text. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Sets a text only where it is another, so that a selection is not lost, and nothing is announced twice. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function show(element, isShown) {
  element.hidden = !isShown;
}
