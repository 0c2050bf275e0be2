// The page's elements, and how a component lives on the page.

/** @typedef {(name: string, value: unknown) => void} Tell Triggers `on_<name>_change` in Python. */
/** @template Data @typedef {{ parentElement: HTMLElement, data: Data, setTriggerValue: Tell }} Component What Streamlit hands over. */
/** @template Data @typedef {{ tell?: Tell, update(data: Data): void, close(): void }} Part */

/**
 * Return a component's entry, which Streamlit calls with every rerun: a Part is made once for each place on the page,
 * informed of new data, and closed when its place goes.
 *
 * @template Data
 * @param {new (parent: HTMLElement) => Part<Data>} Kind
 */
export function mount(Kind) {
  /** @type {WeakMap<HTMLElement, Part<Data>>} */
  const parts = new WeakMap();
  return (/** @type {Component<Data>} */ { parentElement, data, setTriggerValue }) => {
    const part = parts.get(parentElement) ?? new Kind(parentElement);
    parts.set(parentElement, part);
    part.tell = setTriggerValue;
    part.update(data);
    return () => {
      part.close();
      parts.delete(parentElement);
    };
  };
}

/**
 * Make an element.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} className
 * @param {Record<string, string | number>} attributes
 * @param {(Node | string)[]} children
 */
export function element(tag, className = "", attributes = {}, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  setAttributes(node, attributes);
  node.append(...children);
  return node;
}

/** @param {Element} node @param {Record<string, string | number>} attributes */
export function setAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
}

/** Return an SVG element. @template {keyof SVGElementTagNameMap} Tag @param {Tag} tag @param {Record<string, string | number>} [attributes] @param {string} [text] */
export function svg(tag, attributes = {}, text = "") {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  setAttributes(node, attributes);
  if (text) node.textContent = text;
  return node;
}

/** Set variables of the style sheet: {at: 0.5} sets --at. @param {HTMLElement} node @param {Record<string, string | number>} values */
export function setVariables(node, values) {
  for (const [name, value] of Object.entries(values)) node.style.setProperty(`--${name}`, String(value));
}

/**
 * Return the element that a component's HTML holds.
 *
 * @template {string} Selector
 * @param {ParentNode} root
 * @param {Selector} selector
 * @returns {Selector extends keyof HTMLElementTagNameMap ? HTMLElementTagNameMap[Selector] : HTMLElement}
 */
export function part(root, selector) {
  const node = root.querySelector(selector);
  if (!node) throw new Error(`The component's HTML has no ${selector}`);
  return /** @type {any} */ (node);
}

/** Write a text, unless it stands there. @param {Element} node @param {string} text */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Count what was painted, for tests to wait for. @param {HTMLElement} root */
export function countPainted(root) {
  root.dataset.painted = String(Number(root.dataset.painted ?? 0) + 1);
}
