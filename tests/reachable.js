// How much of the page can be used by keyboard.
() => [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')]
  .filter((e) => !e.disabled && e.getClientRects().length && !(e.closest('details:not([open])') && e.tagName !== 'SUMMARY')).length
