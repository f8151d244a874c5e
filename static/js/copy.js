/* <button data-copy="text"> or <button data-copy-from="#id"> puts text on the clipboard and says so.
   data-copied holds the word that is shown for a moment, in [data-label] or in the button. */

async function write(text) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-from]");
  if (!button) return;
  const source = button.dataset.copyFrom && document.querySelector(button.dataset.copyFrom);
  await write(source ? (source.value ?? source.textContent) : button.dataset.copy);
  const label = button.querySelector("[data-label]") ?? button;
  label.dataset.was ??= label.textContent;
  label.textContent = button.dataset.copied ?? "✓";
  button.classList.add("done");
  clearTimeout(button.timer);
  button.timer = setTimeout(() => {
    label.textContent = label.dataset.was;
    button.classList.remove("done");
  }, 1600);
});
