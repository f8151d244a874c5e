/* Keys for proposed tags: j and k go to the next and the previous one, a accepts, x rejects and both go on. */

const tags = () => [...document.querySelectorAll("[data-tag]")];
const isTyping = (target) => target.closest("input, textarea, select, [contenteditable]");
let following = "";
let going = false;

function focus(tag) {
  tag?.focus({ preventScroll: true });
  tag?.scrollIntoView({ block: "nearest" });
}

function neighbour(tag, step) {
  const all = tags();
  return tag ? all[all.indexOf(tag) + step] : all[0];
}

function decide(tag, selector) {
  const button = tag.querySelector(selector);
  if (!button) return;
  following = (neighbour(tag, 1) ?? tag).id;
  button.click();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  // "g" and a letter go to a room: that letter is not for the tags.
  const isForRooms = going;
  going = event.key === "g";
  if (isForRooms || going) return;
  const tag = document.activeElement.closest("[data-tag]");
  if (event.key === "j") focus(neighbour(tag, 1));
  else if (event.key === "k") focus(neighbour(tag, -1));
  else if (tag && event.key === "a") decide(tag, "[data-accept]");
  else if (tag && event.key === "x") decide(tag, "[data-reject]");
});

document.addEventListener("htmx:afterSettle", () => {
  if (following) focus(document.getElementById(following));
  following = "";
});
