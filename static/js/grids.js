/* A grid under the fingers: arrows move from cell to cell, Space chooses for comparing, tabs change the table.
   Enter is the link's own. Without it all of this is links and boxes; htmx does the rest. */

const boxes = () => [...document.querySelectorAll(".grid-box")];
const table = () => boxes().find((box) => !box.hidden);
const rows = () => [...(table()?.querySelectorAll("tbody tr") ?? [])].map((row) => [...row.querySelectorAll(".cell-main")]);
const DIFFERENCES = "daicho-grid-differences";

/* One cell of a table is in the order of the Tab key, with its own box and link; the arrows reach the others. */
function rove(chosen) {
  for (const box of boxes()) {
    const cells = [...box.querySelectorAll(".cell")];
    const main = box.contains(chosen) ? chosen : box.querySelector(".cell-main[data-here]") ?? box.querySelector(".cell-main");
    for (const cell of cells) {
      const isHere = cell.contains(main);
      cell.querySelector(".cell-main").toggleAttribute("data-here", isHere);
      for (const each of cell.querySelectorAll("a, input, .cell-main")) each.tabIndex = isHere ? 0 : -1;
    }
  }
}

function move(main, across, down) {
  const grid = rows();
  const y = grid.findIndex((row) => row.includes(main));
  const next = grid[y + down]?.[grid[y].indexOf(main) + across];
  if (!next) return;
  rove(next);
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function toggle(main) {
  const box = main.closest(".cell").querySelector("input[name=ids]");
  if (!box) return;
  box.checked = !box.checked;
  count();
}

function count() {
  const status = document.getElementById("chosen");
  if (!status) return;
  const chosen = document.querySelectorAll(".grid-box input[name=ids]:checked").length;
  const isEnough = chosen >= 2 && chosen <= 4;
  document.querySelector("#compare-form button").disabled = !isEnough;
  status.textContent = isEnough ? `${chosen} ${status.dataset.chosen}` : chosen ? status.dataset.words : "";
}

function show(number) {
  for (const box of boxes()) box.hidden = box.dataset.table !== number;
  for (const tab of document.querySelectorAll(".tabs [data-table]")) {
    if (tab.dataset.table === number) tab.setAttribute("aria-current", "true");
    else tab.removeAttribute("aria-current");
  }
  const address = new URL(location.href);
  address.searchParams.set("z", number);
  history.replaceState(history.state, "", address);
  const swap = document.getElementById("swap");
  if (swap) swap.search = swap.search.replace(/z=\d+/, `z=${number}`);
}

function markErrors() {
  for (const errors of document.querySelectorAll("#grid-form .errors")) {
    const control = document.getElementById(errors.id.replace(/_error$/, ""));
    if (control?.matches("input, select, textarea")) control.setAttribute("aria-invalid", errors.childElementCount > 0);
  }
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !event.target.matches(".cell-main")) return;
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (event.key in steps) move(event.target, ...steps[event.key]);
  else if (event.key === " ") toggle(event.target);
  else return;
  event.preventDefault();
});

document.addEventListener("focusin", (event) => {
  const cell = event.target.closest(".cell");
  if (cell) rove(cell.querySelector(".cell-main"));
});

document.addEventListener("click", (event) => {
  const tab = event.target.closest(".tabs [data-table]");
  if (!tab || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  show(tab.dataset.table);
});

document.addEventListener("change", (event) => {
  if (event.target.matches("input[name=ids]")) count();
  if (event.target.id === "show-differences") sessionStorage.setItem(DIFFERENCES, event.target.checked ? "yes" : "");
});

document.addEventListener("htmx:afterSettle", () => {
  markErrors();
  if (!boxes().length) return;
  rove(document.activeElement);
  const said = document.getElementById("grid-said");
  if (!said.textContent && !document.querySelector("#grid-news[hx-get]")) said.textContent = said.dataset.done;
});

const differences = document.getElementById("show-differences");
if (differences) differences.checked = sessionStorage.getItem(DIFFERENCES) === "yes";
rove(document.activeElement);
count();
markErrors();
