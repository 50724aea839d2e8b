// Which element has the focus, by the order in which it first had it, and whether that can be seen.
() => { const e = document.activeElement; if (!e || e === document.body) return '';
  if (!window.__order) window.__order = new Map();
  if (!window.__order.has(e)) window.__order.set(e, window.__order.size + 1);
  const s = getComputedStyle(e); return window.__order.get(e) + (s.outlineStyle === 'none' ? ' unseen' : ''); }
