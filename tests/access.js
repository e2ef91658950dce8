// What is wrong with a page for those without a mouse, good eyes or a wide screen: one line a fault.
() => {
  const faults = [], say = (rule, node) => faults.push(`${rule}: ${node.outerHTML.slice(0, 120)}`);
  const seen = (node) => node.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
  const all = (selector) => [...document.querySelectorAll(selector)].filter(seen);
  const text = (node) => (node ? node.textContent.trim() : "");
  const name = (node) => node.getAttribute("aria-label") || text(document.getElementById(node.getAttribute("aria-labelledby"))) ||
    [...(node.labels || [])].map(text).join(" ") || (node.tagName.match(/^(A|BUTTON|SUMMARY)$/) && text(node)) || node.title;

  if (!document.documentElement.lang) faults.push("no language");
  if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
  for (const part of ["header", "nav[aria-label]", "main", "a.skip"]) if (!document.querySelector(part)) faults.push(`no ${part}`);
  all("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']").forEach((node) => { if (!name(node)) say("no name", node); });
  all("img").forEach((node) => { if (!node.hasAttribute("alt")) say("no alt", node); });
  all("th").forEach((node) => { if (!node.scope) say("no scope", node); });
  document.querySelectorAll("[style]").forEach((node) => { if (!node.closest("canvas, .editor")) say("inline style", node); });
  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  ids.filter((id, at) => ids.indexOf(id) !== at).forEach((id) => faults.push(`id twice: ${id}`));
  let last = 0;
  all("h1, h2, h3, h4").forEach((node) => { const level = +node.tagName[1]; if (level > last + 1) say("head skipped", node); last = level; });
  const regions = all("[role=region]").map((node) => node.getAttribute("aria-label"));
  regions.filter((one, at) => regions.indexOf(one) !== at).forEach((one) => faults.push(`region twice: ${one}`));
  all("*").forEach((node) => {
    const scrolls = getComputedStyle(node).overflowX === "auto" && node.scrollWidth > node.clientWidth + 1;
    if (scrolls && node.tabIndex < 0 && !node.querySelector("a, button")) say("scrolls without keys", node);
  });

  const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
  const over = ([r, g, b, a = 1], under) => [r, g, b].map((one, at) => one * a + under[at] * (1 - a));
  const ground = (node) => {
    const layers = [];
    for (let one = node; one; one = one.parentElement) {
      const colour = numbers(getComputedStyle(one).backgroundColor);
      if (colour[3] !== 0) layers.push(colour);
      if (colour[3] === undefined) break;
    }
    return layers.reverse().reduce((under, colour) => over(colour, under), [255, 255, 255]);
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((one) => one / 255).map((one) => (one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const told = new Set();
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const held = node.parentElement;
    if (!node.data.trim() || !seen(held) || held.closest("textarea, option, script, [disabled]") || told.has(held)) continue;
    told.add(held);
    const style = getComputedStyle(held), below = ground(held), ink = over(numbers(style.color), below);
    const [one, two] = [light(ink), light(below)].sort((a, b) => b - a), ratio = (one + 0.05) / (two + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.6 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) say(`contrast ${ratio.toFixed(2)}`, held);
  }
  if (document.documentElement.scrollWidth > window.innerWidth) faults.push(`wider than the window: ${document.documentElement.scrollWidth}`);
  return faults;
}
