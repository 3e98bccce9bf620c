// What scrolls sideways is reached with Tab and moved with the arrow keys; it scrolls or not as the window is wide.
const k2relReach = new ResizeObserver((entries) => entries.forEach(({ target }) => {
  if (target.scrollWidth <= target.clientWidth) return target.removeAttribute("tabindex");
  target.tabIndex = 0;
  target.setAttribute("role", "group");
  target.setAttribute("aria-label", "scrolls sideways");
}));
