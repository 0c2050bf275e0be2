// What a page must not show at any width: content beyond its edge, and text over text. Run by tests/browser/test_layout.py.
() => {
  const findings = [];
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth + 1) findings.push(`the page is ${root.scrollWidth} pixels wide`);
  const main = document.querySelector("[data-testid=stMain]");
  if (main && main.scrollWidth > main.clientWidth + 1) findings.push(`its main part is ${main.scrollWidth} pixels wide`);

  const side = document.querySelector("[data-testid=stSidebar]")?.getBoundingClientRect();
  if (side && innerWidth >= 768 && side.right > 0.3 * innerWidth) findings.push(`the sidebar takes ${Math.round(side.right)} of ${innerWidth}`);

  for (const failure of document.querySelectorAll("[data-testid=stException]")) findings.push(failure.textContent.slice(0, 200));
  for (const picture of document.querySelectorAll("img"))
    if (picture.complete && !picture.naturalWidth) findings.push(`no picture: ${picture.alt}`);

  const parentOf = (element) => element.parentElement ?? element.getRootNode().host ?? null;
  const ancestors = function* (element) {
    for (let above = parentOf(element); above; above = parentOf(above)) yield above;
  };

  /** The part of a rectangle that neither the element nor an ancestor cuts off. */
  function seen(element, box) {
    let [left, top, right, bottom] = [box.left, box.top, box.right, box.bottom];
    for (const above of [element, ...ancestors(element)]) {
      const style = getComputedStyle(above);
      if (style.overflowX === "visible" && style.overflowY === "visible") continue;
      const edge = above.getBoundingClientRect();
      [left, top] = [Math.max(left, edge.left), Math.max(top, edge.top)];
      [right, bottom] = [Math.min(right, edge.right), Math.min(bottom, edge.bottom)];
    }
    return { left, top, right, bottom };
  }

  const texts = [];
  (function walk(node) {
    for (const element of node.querySelectorAll("*")) {
      if (element.shadowRoot) walk(element.shadowRoot);
      if (element.closest("svg, [data-testid=stFullScreenFrame] .main-svg, [role=dialog]")) continue;
      if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
      for (const part of element.childNodes) {
        if (part.nodeType !== Node.TEXT_NODE || !part.data.trim()) continue;
        const range = document.createRange();
        range.selectNodeContents(part);
        for (const box of range.getClientRects()) {
          const shown = seen(element, box);
          if (shown.right - shown.left < 3 || shown.bottom - shown.top < 5) continue;
          texts.push({ element, text: part.data.trim().slice(0, 40), ...shown });
          if (shown.right > innerWidth + 1) findings.push(`"${part.data.trim().slice(0, 40)}" reaches ${Math.round(shown.right)} of ${innerWidth}`);
        }
      }
    }
  })(document);

  for (let i = 0; i < texts.length; i++)
    for (let j = i + 1; j < texts.length; j++) {
      const [a, b] = [texts[i], texts[j]];
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const tall = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      // lines of one text may touch; half a line over another one is unreadable
      if (wide > 3 && tall > 0.5 * Math.min(a.bottom - a.top, b.bottom - b.top) && a.element !== b.element)
        findings.push(`"${a.text}" and "${b.text}" overlap`);
    }
  return findings.slice(0, 8);
}
