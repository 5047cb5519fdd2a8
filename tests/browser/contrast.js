// Texts whose contrast to what lies behind them is below WCAG 2.2 AA: [ratio, needed, text], worst first.
// Those of the whole page, or of the element that a selector names.
(selector) => {
  const parse = (color) => {
    const [r, g, b, a = 1] = color.match(/[\d.]+/g).map(Number);
    return { rgb: [r, g, b], a };
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let node = element; node; node = node.parentElement) {
      const { rgb, a } = parse(getComputedStyle(node).backgroundColor);
      if (a === 1) return rgb;
      if (a !== 0) throw new Error(`a half transparent background: ${node.tagName}.${node.className}`);
    }
    throw new Error("nothing behind the text");
  };
  const poor = [];
  let texts = 0;
  const walker = document.createTreeWalker(document.querySelector(selector ?? "body"), NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || ["SCRIPT", "STYLE"].includes(element.tagName) || !element.checkVisibility()) continue;
    texts += 1;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const needed = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    const [high, low] = [luminance(parse(style.color).rgb), luminance(behind(element))].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < needed) poor.push([ratio, needed, node.data.trim().slice(0, 40)]);
  }
  return { texts, poor: poor.sort((a, b) => a[0] - b[0]) };
}
