// All of a component's JavaScript that goes with each of its updates: the rest is a module of the
// app's own server, fetched once.
const modules = (window.aevizModules ??= new Map());

function fetched(address) {
  if (!modules.has(address)) {
    const module = import(address);
    modules.set(address, module);
    module.catch(() => modules.delete(address));
  }
  return modules.get(address);
}

export default function (component) {
  let [end, gone] = [null, false];
  const { data, parentElement } = component;
  fetched(new URL(data.script, document.baseURI).href).then(
    (module) => {
      if (!gone) end = module.default(component);
    },
    () => {
      parentElement.textContent = "A part of the page did not load; reload the page.";
    },
  );
  return () => {
    gone = true;
    end?.();
  };
}
