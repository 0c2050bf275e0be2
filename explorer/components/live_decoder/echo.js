// Asks for the views below the panel once the picture of a release is on the screen: the picture comes first, alone.

const instances = new WeakMap();
const PAUSE = 40; // ms: a drag that goes on, or a key that is held, will bring another picture soon

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  let echo = instances.get(parentElement);
  if (!echo) {
    instances.set(parentElement, (echo = {}));
    echo.listener = (event) => {
      clearTimeout(echo.timer);
      const sequence = event.detail;
      echo.timer = setTimeout(() => {
        if (sequence > echo.shown && sequence === live.sequence) echo.behind(sequence);
      }, PAUSE);
    };
    live.bus.addEventListener("answered", echo.listener);
  }
  echo.shown = data.sequence;
  echo.behind = (sequence) => setTriggerValue("behind", sequence);
  return () => {
    clearTimeout(echo.timer);
    live.bus.removeEventListener("answered", echo.listener);
    instances.delete(parentElement);
  };
}
