// On a phone the menu lies over the page: who has chosen from it wants to see the page.
if (!window.aevizDrawer) {
  const WIDE = 768; // px, from which on Streamlit has the menu beside the page
  window.aevizDrawer = (event) => {
    const link = event.target.closest?.("[data-testid=stSidebarNavLink]");
    if (!link || innerWidth >= WIDE) return;
    setTimeout(() => {
      const close = document.querySelector("[data-testid=stSidebarCollapseButton] button");
      const open = document.querySelector("[data-testid=stSidebar]:not([data-collapsed=true])");
      if (open) close?.click();
    }, 50);
  };
  document.addEventListener("click", window.aevizDrawer);
}
