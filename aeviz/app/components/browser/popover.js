// What a button opens is at the end of the document: Tab leads from the button into it, and back.
if (!window.aevizPopover) {
  const BODY = "[data-testid=stPopoverBody]";
  const CAN = "button:not(:disabled), a[href], input:not(:disabled), [tabindex='0']";
  window.aevizPopover = (event) => {
    const body = document.querySelector(BODY);
    if (event.key !== "Tab" || !body) return;
    const opener = document.querySelector("[data-testid=stPopover] button[aria-expanded=true]");
    const stops = [...body.querySelectorAll(CAN)].filter((one) => one.checkVisibility());
    const { activeElement: now } = document;
    const to = (one) => {
      event.preventDefault();
      event.stopPropagation();
      one?.focus();
    };
    if (!body.contains(now) && !event.shiftKey) to(stops[0]);
    else if (now === stops[0] && event.shiftKey) to(opener);
  };
  document.addEventListener("keydown", window.aevizPopover, true);
}
