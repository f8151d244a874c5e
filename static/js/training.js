/* Training under the fingers: errors mark their boxes, and exactly two runs can be compared.
   Without it all of this is boxes and links; htmx does the rest. */

function markErrors() {
  for (const errors of document.querySelectorAll("#run-form .errors")) {
    const control = document.getElementById(errors.id.replace(/_error$/, ""));
    if (control?.matches("input, select, textarea")) control.setAttribute("aria-invalid", errors.childElementCount > 0);
    if (errors.childElementCount) errors.closest("details")?.setAttribute("open", "");
  }
}

function countPicked() {
  const button = document.getElementById("compare-runs");
  if (!button) return;
  const boxes = [...document.querySelectorAll("#compare-form input[name=ids]")];
  const picked = boxes.filter((box) => box.checked).length;
  button.disabled = picked !== 2;
  for (const box of boxes) box.disabled = picked >= 2 && !box.checked;
  const status = document.getElementById("picked");
  status.textContent = picked === 1 ? status.dataset.words : "";
}

/* Groups that were open stay open when a choice brings the form anew. */
const open = new Set();
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target?.id !== "run-form") return;
  open.clear();
  for (const each of document.querySelectorAll("#run-form details[open]")) open.add(each.id);
});

document.addEventListener("htmx:afterSettle", () => {
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  open.clear();
  markErrors();
});

document.addEventListener("change", (event) => {
  if (event.target.matches("#compare-form input[name=ids]")) countPicked();
});

markErrors();
countPicked();
