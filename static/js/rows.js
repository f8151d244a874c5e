/* Rows of a form that can be added and removed, and tables whose rows are all chosen at once. Without it the form
   has one blank row each time it is saved. */

function renumber(group) {
  const total = document.querySelector(`[name="${group.dataset.rows}-TOTAL_FORMS"]`);
  const next = Number(total.value);
  total.value = next + 1;
  return next;
}

function add(group) {
  const list = group.querySelector("[data-list]");
  const html = group.querySelector("template[data-blank]").innerHTML.replaceAll("__prefix__", renumber(group));
  list.insertAdjacentHTML("beforeend", html);
  uncover(list.lastElementChild);
  list.lastElementChild.querySelector("input")?.focus();
}

function remove(button) {
  const row = button.closest("[data-row]");
  const group = row.closest("[data-rows]");
  row.remove();
  group.querySelector("[data-add]").focus();
  group.dispatchEvent(new CustomEvent("rows", { bubbles: true }));
}

function uncover(root) {
  for (const hidden of root.querySelectorAll("[data-add], [data-remove], [data-check-all], [data-check-none]")) hidden.hidden = false;
}

function check(form, value) {
  for (const box of form.querySelectorAll('input[type="checkbox"][name="row"]')) box.checked = value;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if ("add" in button.dataset) add(button.closest("[data-rows]"));
  else if ("remove" in button.dataset) remove(button);
  else if ("checkAll" in button.dataset || "checkNone" in button.dataset) check(button.form, "checkAll" in button.dataset);
});

uncover(document);
