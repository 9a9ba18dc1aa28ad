/** Asks before a form with unsaved typing is left. */
export function confirmLeave(form: HTMLElement): void {
  if (!(form instanceof HTMLFormElement)) return;
  // A form that came back with faults holds typing that is saved nowhere.
  const before = form.querySelector('[aria-invalid]') ? null : serialize(form);
  let sent = false;
  form.addEventListener('submit', (event) => {
    sent ||= !event.defaultPrevented;
  });
  window.addEventListener('pageshow', () => {
    sent = false;
  });
  window.addEventListener('beforeunload', (event) => {
    if (!sent && serialize(form) !== before) event.preventDefault();
  });
}

function serialize(form: HTMLFormElement): string {
  return JSON.stringify([...new FormData(form)]);
}
