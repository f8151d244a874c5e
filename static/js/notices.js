/* What happens around htmx requests and plain forms: an expired session, a lost server, questions before
   something that cannot be undone, notices that can be closed. The words come from the page, translated. */

const notices = () => document.getElementById("notices");

function say(text) {
  const template = document.getElementById("notice-template");
  if (!template || !notices()) return;
  const notice = template.content.firstElementChild.cloneNode(true);
  notice.querySelector("[data-text]").textContent = text;
  notices().replaceChildren(notice);
}

document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { xhr } = event.detail;
  const login = document.body.dataset.login;
  if (login && xhr.responseURL && new URL(xhr.responseURL).pathname === login && location.pathname !== login) {
    event.preventDefault();
    location.reload();
  }
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  if (xhr.status < 500 || xhr.getResponseHeader("HX-Retarget")) return;
  event.detail.shouldSwap = false;
  say(document.body.dataset.offline);
});

document.addEventListener("htmx:sendError", () => say(document.body.dataset.offline));

document.addEventListener("click", (event) => {
  const dismiss = event.target.closest(".notice .dismiss");
  if (dismiss) dismiss.closest(".notice").remove();
});

document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
  if (question && !window.confirm(question)) {
    event.preventDefault();
    event.stopPropagation();
  }
}, true);

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});
