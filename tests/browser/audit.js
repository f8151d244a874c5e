() => {
  /* List what a screen reader or a thumb would trip over on a page; an empty list is good. */
  const found = [];
  const shown = (element) => element.checkVisibility({ visibilityProperty: true });
  const start = (element) => element.outerHTML.slice(0, 120);
  const all = (selector) => [...document.querySelectorAll(selector)];

  const ids = all("[id]").map((element) => element.id);
  for (const id of new Set(ids.filter((id, place) => ids.indexOf(id) !== place))) found.push(`twice: #${id}`);
  for (const control of all("input:not([type=hidden]), select, textarea").filter(shown)) {
    const isNamed = control.labels.length || control.ariaLabel || control.getAttribute("aria-labelledby");
    if (!isNamed) found.push(`no label: ${start(control)}`);
  }
  for (const control of all("button, summary, a[href]").filter(shown)) {
    const pictures = [...control.querySelectorAll("img")].map((image) => image.alt).join("");
    if (!(control.textContent + pictures + (control.ariaLabel ?? "")).trim()) found.push(`no name: ${start(control)}`);
    if (!control.matches("a, .link-button") && control.getBoundingClientRect().height < 24) {
      found.push(`too small: ${start(control)}`);
    }
  }
  for (const image of all("img:not([alt])")) found.push(`no alternative: ${start(image)}`);
  for (const attribute of ["aria-describedby", "aria-labelledby"]) {
    for (const element of all(`[${attribute}]`)) {
      for (const id of element.getAttribute(attribute).split(/\s+/)) {
        if (id && !document.getElementById(id)) found.push(`${attribute} leads nowhere: ${start(element)}`);
      }
    }
  }
  const levels = all("h1, main :is(h2, h3, h4)").map((heading) => Number(heading.tagName[1]));
  if (levels.filter((level) => level === 1).length !== 1) found.push("not one first heading");
  if (levels.some((level, place) => place && level > levels[place - 1] + 1)) found.push(`levels: ${levels}`);
  return found;
}
