/** A press on a button with data-insert writes its text at the cursor of the field that data-insert-into names. */
export function insertText(): void {
  document.addEventListener('click', (event) => {
    const button = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-insert]') : null;
    if (!button) return;
    const field = document.getElementById(button.dataset['insertInto'] ?? '');
    if (field instanceof HTMLTextAreaElement || field instanceof HTMLInputElement) insert(field, readText(button));
  });
}

function readText(button: HTMLElement): string {
  return button.dataset['insert'] || button.getAttribute('value') || button.textContent.trim();
}

function insert(field: HTMLTextAreaElement | HTMLInputElement, text: string): void {
  field.focus();
  field.setRangeText(text, field.selectionStart ?? field.value.length, field.selectionEnd ?? field.value.length, 'end');
  field.dispatchEvent(new Event('input', { bubbles: true }));
}
