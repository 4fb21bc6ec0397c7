// Back leads to the page or the model before, not to each place where a probe or a slider rested:
// Streamlit adds an entry to the history for all that it writes into the address. What changes
// neither page nor model takes the place of the entry instead. Browsers without the navigation API
// keep Streamlit's entries.
if (!window.aevizHistory && window.navigation) {
  const read = (url) => {
    const { pathname, searchParams } = new URL(url);
    return [pathname, searchParams.get("model")];
  };
  // The model is carried over to another page, whose address names it a moment later.
  let [page, model] = read(location.href);
  window.aevizHistory = (event) => {
    const { destination, navigationType } = event;
    if (!destination.sameDocument || event.hashChange) return;
    const [newPage, newModel] = read(destination.url);
    if (navigationType === "push" && newPage === page && newModel === model && event.cancelable) {
      event.preventDefault();
      queueMicrotask(() => history.replaceState(history.state, "", destination.url));
      return;
    }
    if (newPage === page || newModel !== null || navigationType === "traverse") model = newModel;
    page = newPage;
  };
  navigation.addEventListener("navigate", window.aevizHistory);
}
