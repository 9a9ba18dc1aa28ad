/** The box in a list's heading ticks every row; the count and the button of what to do with them follow. */
export function selectAll(box: HTMLElement): void {
  if (!(box instanceof HTMLInputElement) || !box.form) return;
  const { form } = box;
  const show = () => showSelection(form, box);
  box.addEventListener('change', () => {
    for (const row of listRows(form)) row.checked = box.checked;
  });
  form.addEventListener('change', show);
  // A page that comes back from the browser's memory has its ticks already.
  window.addEventListener('pageshow', show);
  show();
}

function listRows(form: HTMLFormElement): HTMLInputElement[] {
  return [...form.elements].filter(
    (field) => field instanceof HTMLInputElement && field.name === 'ids',
  ) as HTMLInputElement[];
}

function showSelection(form: HTMLFormElement, box: HTMLInputElement): void {
  const rows = listRows(form);
  const count = rows.filter((row) => row.checked).length;
  box.checked = count > 0 && count === rows.length;
  box.indeterminate = count > 0 && count < rows.length;
  for (const place of form.querySelectorAll('[data-selected-count]'))
    place.textContent = count === 0 ? '' : String(count);
  for (const button of form.querySelectorAll<HTMLButtonElement>('[data-needs-selection]'))
    button.disabled = count === 0;
}
