/** A connection that hangs is no reason to lock the form for ever. */
const LOCKED_MS = 10_000;

const locked = new Map<HTMLFormElement, number>();

/** A double click sends a form once. The server refuses the second as well; this spares the visitor its answer. */
export function guardSubmits(): void {
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (event.defaultPrevented || !(form instanceof HTMLFormElement) || form.method !== 'post') return;
    // A download leaves the page as it is.
    if (event.submitter?.hasAttribute('data-download')) return;
    if (locked.has(form)) event.preventDefault();
    else lock(form);
  });
  // "Back" may bring the page as it was left, locked.
  window.addEventListener('pageshow', () => {
    for (const form of locked.keys()) unlock(form);
  });
}

function lock(form: HTMLFormElement): void {
  locked.set(
    form,
    window.setTimeout(() => unlock(form), LOCKED_MS),
  );
  for (const button of listSubmits(form)) button.setAttribute('aria-disabled', 'true');
}

function unlock(form: HTMLFormElement): void {
  window.clearTimeout(locked.get(form));
  locked.delete(form);
  for (const button of listSubmits(form)) button.removeAttribute('aria-disabled');
}

function listSubmits(form: HTMLFormElement): Element[] {
  return [...form.elements].filter((field) => field instanceof HTMLButtonElement && field.type === 'submit');
}
