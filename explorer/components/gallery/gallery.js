// Pictures in titled groups, each above its reconstruction; clicking one tells Python its number.

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  const root = parentElement.querySelector(".gallery");
  root.onclick = (event) => {
    const tile = event.target.closest("button.tile");
    if (tile) setTriggerValue("picked", Number(tile.dataset.index));
  };
  if (root.sprite === data.sprite && root.groups === JSON.stringify(data.groups)) return;
  root.sprite = data.sprite;
  root.groups = JSON.stringify(data.groups);
  root.replaceChildren(...data.groups.map((group) => row(group, data)));
  fill(root, data);
}

function row(group, data) {
  const line = element("div", "group");
  const name = element("div", "name", group.title);
  name.style.setProperty("--colour", group.colour || "transparent");
  name.append(element("small", "", group.note));
  const tiles = element("div", "tiles");
  group.titles.forEach((title, place) => {
    const button = element("button", "tile");
    Object.assign(button, { type: "button", title });
    button.dataset.index = group.first + place;
    button.setAttribute("aria-label", title);
    button.append(element("canvas"));
    tiles.append(button);
  });
  if (group.title) line.append(name);
  else line.classList.add("bare");
  line.append(tiles);
  return line;
}

async function fill(root, data) {
  const image = new Image();
  image.src = `data:image/png;base64,${data.sprite}`;
  await image.decode();
  if (root.sprite !== data.sprite) return;
  const [, height, width] = data.shape;
  const gap = data.pair ? Math.max(1, Math.round(height / 16)) : 0;
  const tall = data.pair ? 2 * height + gap : height;
  for (const button of root.querySelectorAll("button.tile")) {
    const canvas = button.firstChild;
    canvas.width = width;
    canvas.height = tall;
    canvas.style.width = `${data.size}px`;
    canvas.style.height = `${(data.size * tall) / width}px`;
    const context = canvas.getContext("2d");
    const index = Number(button.dataset.index);
    draw(context, image, index, 0, data);
    if (data.pair) draw(context, image, data.count + index, height + gap, data);
  }
  root.dataset.painted = String(Number(root.dataset.painted ?? 0) + 1);
}

function draw(context, image, tile, top, { columns, shape: [, height, width] }) {
  const [x, y] = [(tile % columns) * width, Math.floor(tile / columns) * height];
  context.drawImage(image, x, y, width, height, 0, top, width, height);
}

function element(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text) made.textContent = text;
  return made;
}
