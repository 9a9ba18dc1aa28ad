/** A button that prints the page. */
export function offerPrinting(button: HTMLElement): void {
  button.addEventListener('click', () => window.print());
}
