/* Keys for the whole portal: "g" then a room's letter goes there, "/" finds the search box, "?" lists the keys. */

let going = false;

const isTyping = (target) => target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");

function go(key) {
  const link = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (link) location.assign(link.href);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (going) {
    going = false;
    go(event.key);
  } else if (event.key === "g") {
    going = true;
    setTimeout(() => (going = false), 1200);
  } else if (event.key === "/") {
    const search = document.querySelector("input[type=search]");
    if (!search) return;
    event.preventDefault();
    search.focus();
  } else if (event.key === "?") {
    document.getElementById("keys")?.showModal();
  }
});
