/* Keys for pictures. In the gallery: arrows move, Space chooses for comparing, 1-5 rate, 0 takes it back, x rejects.
   On a picture's page: arrows go to its neighbours. Enter is the link's own. */

const grid = document.getElementById("gallery");
const marks = () => document.getElementById("picture-marks");
const isTyping = (target) => target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");

function columns() {
  return getComputedStyle(grid).gridTemplateColumns.split(" ").length;
}

function move(link, step) {
  const links = [...grid.querySelectorAll(".tile-link")];
  const next = links[links.indexOf(link) + step];
  if (!next) return false;
  next.focus();
  next.scrollIntoView({ block: "nearest" });
  return true;
}

function send(url, values, source) {
  return htmx.ajax("POST", url, { source, target: source, swap: "outerHTML", values });
}

async function mark(tile, url, values) {
  await send(url, { ...values, shown_as: "tile" }, tile);
  document.getElementById(tile.id)?.querySelector(".tile-link")?.focus();
}

function toggle(tile) {
  const box = tile.querySelector("input[type=checkbox]");
  box.checked = !box.checked;
  count();
}

function count() {
  const status = document.getElementById("chosen");
  if (!status) return;
  const chosen = grid ? grid.querySelectorAll("input[name=ids]:checked").length : 0;
  const button = document.querySelector("#compare-form button");
  button.disabled = chosen < 2 || chosen > 4;
  status.textContent = chosen >= 2 && chosen <= 4 ? `${chosen} ${status.dataset.chosen}` : chosen ? status.dataset.words : "";
}

function gridKey(event, tile) {
  const link = tile.querySelector(".tile-link");
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns() };
  const mayMark = grid.dataset.canMake === "yes";
  if (event.key in steps) return move(link, steps[event.key]);
  if (event.key === " ") return toggle(tile) ?? true;
  if (mayMark && /^[0-5]$/.test(event.key)) return mark(tile, tile.dataset.rate, { rating: event.key }) && true;
  if (mayMark && event.key === "x") {
    return mark(tile, tile.dataset.reject, { rejected: tile.classList.contains("rejected") ? "0" : "1" }) && true;
  }
  return false;
}

function pictureKey(event) {
  const link = { ArrowLeft: "[data-newer]", ArrowRight: "[data-older]" }[event.key];
  if (link) return document.querySelector(link)?.click() ?? true;
  if (!marks().querySelector("form")) return false;
  if (/^[0-5]$/.test(event.key)) return send(marks().dataset.rate, { rating: event.key }, marks()) && true;
  if (event.key === "x") return send(marks().dataset.reject, {}, marks()) && true;
  return false;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const tile = event.target.closest("#gallery .tile");
  if (tile && gridKey(event, tile)) event.preventDefault();
  else if (!tile && grid && event.key === "ArrowDown" && event.target === document.body) grid.querySelector(".tile-link")?.focus();
  else if (marks() && !event.target.closest("summary, pre") && pictureKey(event)) event.preventDefault();
});

document.addEventListener("change", (event) => {
  if (event.target.matches("input[name=ids]")) count();
});

count();
