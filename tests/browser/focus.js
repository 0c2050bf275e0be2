// Stops of the Tab key that do not show the focus, and the doubled or idle ones. Run by tests/browser/test_layout.py.
async () => {
  // Not looked at: the page itself, which the keyboard scrolls, and tables, which draw their focus on a canvas.
  const OTHERS = "[data-testid=stMain], [data-testid=stDataFrame] *";
  const STOPS = "button, a[href], summary, input, textarea, select, [tabindex='0'], [role=application]";
  const RINGS = 4; // a field may show its focus on a frame so many elements above
  const numbers = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const light = (colour) => {
    const [r, g, b] = numbers(colour).map((part) => (part / 255 <= 0.04045 ? part / 3294.6 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  };
  const ground = light(getComputedStyle(document.querySelector("[data-testid=stApp]")).backgroundColor);
  const solid = (colour) => !/^rgba\(.*, 0(\.[0-4]\d*)?\)$|^transparent$/.test(colour);
  const contrast = (colour) => Math.max(light(colour) / ground, ground / light(colour));
  const strong = (colour) => solid(colour) && contrast(colour) >= 3;
  const still = document.createElement("style");
  still.textContent = "* { transition: none !important; }";
  document.head.append(still);

  /** Where the focus of an element may be shown: on itself, on its frames, and beside or inside a box to tick. */
  function places(element) {
    const found = [element];
    for (let above = element.parentElement; above && found.length <= RINGS; above = above.parentElement) found.push(above);
    const near = element.matches(".tile") ? element : element.matches("[type=checkbox], [type=radio]") ? element.closest("label") : null;
    return [...found, ...(near?.querySelectorAll("*") ?? []), ...(element.type === "range" ? element.parentElement.children : [])];
  }

  const outline = ({ outlineStyle, outlineWidth, outlineColor }) =>
    outlineStyle === "auto" || (outlineStyle !== "none" && parseFloat(outlineWidth) >= 1.5 && strong(outlineColor));
  /** The colours of frames and shadows, which count where they change with the focus. */
  const edges = ({ borderTopWidth, borderTopColor, borderBottomColor, boxShadow }) => [
    ...(parseFloat(borderTopWidth) >= 1 ? [borderTopColor, borderBottomColor] : []),
    ...(boxShadow.match(/rgba?\([^)]*\)/g) ?? []),
  ];
  const drawn = (element) => places(element).map((place) => edges(getComputedStyle(place)).filter(strong).join());

  /** Whether a rule of the style sheets draws a ring around the handle of a slider, of which nothing can be measured. */
  function isRinged(slider) {
    const root = slider.getRootNode();
    const rules = [...root.styleSheets, ...root.adoptedStyleSheets].flatMap((sheet) => [...sheet.cssRules]);
    const handle = /:focus-visible::-webkit-slider-thumb$/;
    const rings = rules.filter(({ selectorText }) =>
      selectorText?.split(",").some((one) => handle.test(one.trim()) && slider.matches(one.trim().replace(/::.*/, ""))),
    );
    const probe = slider.parentElement.appendChild(document.createElement("i"));
    const isSeen = rings.some(({ style }) => {
      probe.style.boxShadow = style.boxShadow;
      return edges(getComputedStyle(probe)).some(strong);
    });
    probe.remove();
    return isSeen;
  }

  function isSeen(element, before) {
    if (element.type === "range" && isRinged(element)) return true;
    const now = drawn(element);
    return places(element).some((place, i) => (i === 0 || !place.contains(element) ? outline(getComputedStyle(place)) : false) || now[i] !== before[i]);
  }

  const findings = [];
  const named = (element) => (element.getAttribute("aria-label") ?? (element.textContent.trim() || element.outerHTML)).trim().slice(0, 60);
  const stops = [];
  (function collect(node) {
    for (const element of node.querySelectorAll("*")) {
      if (element.shadowRoot) collect(element.shadowRoot);
      if (element.tabIndex >= 0 && element.matches(STOPS) && !element.matches(OTHERS)) stops.push(element);
    }
  })(document);
  for (const element of stops) {
    if (element.disabled || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const before = drawn(element);
    element.focus({ focusVisible: true, preventScroll: true });
    if (element.getRootNode().activeElement !== element) continue;
    if (!isSeen(element, before)) await new Promise(requestAnimationFrame); // a field of Streamlit draws it with React
    if (!isSeen(element, before)) findings.push(`the focus of "${named(element)}" cannot be seen`);
    element.blur();
    const picture = element.closest("[data-testid=stImage]") ?? element.closest("[data-testid=stFullScreenFrame]");
    if (named(element) === "Fullscreen" && picture && picture.getBoundingClientRect().width < 180)
      findings.push("a small picture has a stop to enlarge it");
  }
  still.remove();
  document.querySelector("[data-testid=stMain]").scrollTop = 0;
  return [...new Set(findings)];
}
