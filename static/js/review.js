/* Keys for the review: j next, k previous, c clears the thing in focus, x opens the reason for refusing. Buttons that
   choose all or none of what says the same. */

const find = (selector) => document.querySelector(selector);
const isTyping = (target) => target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");

function openRefusal() {
  const box = find("[data-review-refuse]");
  if (!box) return false;
  box.open = true;
  box.querySelector("textarea").focus();
  return true;
}

function click(selector) {
  const target = find(selector);
  target?.click();
  return Boolean(target);
}

const KEYS = {
  j: () => click("[data-review-next]"),
  k: () => click("[data-review-previous]"),
  c: () => click("[data-review-clear]"),
  x: openRefusal,
};

let going = false;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || isTyping(event.target)) return;
  // "g" and a letter lead to another room, also when the letter is one of ours.
  if (going) {
    going = false;
    return;
  }
  if (event.key === "g") {
    going = true;
    setTimeout(() => (going = false), 1200);
  } else if (KEYS[event.key]?.()) {
    event.preventDefault();
  }
});

for (const button of document.querySelectorAll("[data-choose]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    for (const box of button.form.querySelectorAll("input[name=ids]")) box.checked = button.dataset.choose === "all";
  });
}
