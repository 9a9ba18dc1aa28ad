/** Tells the server, in a hidden field, in which time zone the visitor lives. */
export function fillTimeZone(element: HTMLElement): void {
  if (element instanceof HTMLInputElement) element.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
}
