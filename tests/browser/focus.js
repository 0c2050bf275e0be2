// Stops of the Tab key whose ring has less than 3:1 to the page's background. Run by tests/browser/test_layout.py.
() => {
  const numbers = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const light = (colour) => {
    const [r, g, b] = numbers(colour).map((part) => (part / 255 <= 0.04045 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  };
  const ground = light(getComputedStyle(document.querySelector("[data-testid=stApp]")).backgroundColor);
  const contrast = (colour) => Math.max(light(colour) / ground, ground / light(colour));
  const still = document.createElement("style");
  still.textContent = "* { transition: none !important; }";
  document.head.append(still);
  const unseen = [];
  (function walk(node) {
    for (const element of node.querySelectorAll("*")) {
      if (element.shadowRoot) walk(element.shadowRoot);
      if (element.tabIndex < 0 || !element.matches("button, a[href], summary, [role=application]")) continue;
      if (element.disabled || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
      element.focus({ focusVisible: true, preventScroll: true });
      if (element.getRootNode().activeElement !== element) continue;
      const inner = element.matches(".tile") ? [...element.children] : [];
      const seen = [element, ...inner].some((each) => {
        const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(each);
        return outlineStyle !== "none" && parseFloat(outlineWidth) >= 1.5 && contrast(outlineColor) >= 3;
      });
      if (!seen) unseen.push(`the focus of "${(element.getAttribute("aria-label") ?? element.textContent).trim().slice(0, 30)}" cannot be seen`);
      element.blur();
    }
  })(document);
  still.remove();
  document.querySelector("[data-testid=stMain]").scrollTop = 0;
  return [...new Set(unseen)];
}
