/*
 * Makes one piece of a page like another by the smallest change, so that what the visitor is at stays: the focus, an open <details>, a form
 * that is just being sent, a selection. What has a `data-key` (or an id) is known again wherever it stands.
 */

/** The children of `element` become like those of `wanted`, which is used up. */
export function morphChildren(element: Element, wanted: ParentNode): void {
  const keyed = new Map<string, Element>();
  for (const child of element.children) {
    const key = keyOf(child);
    if (key !== undefined) keyed.set(key, child);
  }
  let place: ChildNode | null = element.firstChild;
  for (const next of Array.from(wanted.childNodes)) {
    const match = findMatch(next, place, keyed);
    if (!match) {
      element.insertBefore(next, place);
      continue;
    }
    if (match === place) place = place.nextSibling;
    else element.insertBefore(match, place);
    morphNode(match, next);
  }
  while (place) {
    const after: ChildNode | null = place.nextSibling;
    place.remove();
    place = after;
  }
}

/** What stands at the place already, where it is of the same kind; what bears a key is only matched by it. */
function findMatch(next: ChildNode, place: ChildNode | null, keyed: Map<string, Element>): ChildNode | undefined {
  const key = keyOf(next);
  if (key !== undefined) {
    const known = keyed.get(key);
    return known?.nodeName === next.nodeName ? known : undefined;
  }
  if (!place || place.nodeName !== next.nodeName || keyOf(place) !== undefined) return undefined;
  return place;
}

function keyOf(node: Node): string | undefined {
  if (!(node instanceof Element)) return undefined;
  return node.getAttribute('data-key') ?? (node.id || undefined);
}

function morphNode(node: ChildNode, next: ChildNode): void {
  if (node instanceof Element && next instanceof Element) {
    if (isBeingSent(node)) return;
    morphAttributes(node, next);
    morphChildren(node, next);
  } else if (node.nodeValue !== next.nodeValue && !isSelected(node)) node.nodeValue = next.nodeValue;
}

function morphAttributes(element: Element, next: Element): void {
  for (const { name } of Array.from(element.attributes)) {
    if (!next.hasAttribute(name) && !isVisitors(element, name)) element.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (element.getAttribute(name) !== value && !isVisitors(element, name)) element.setAttribute(name, value);
  }
}

/** Whether it is open is the visitor's choice. */
function isVisitors(element: Element, attribute: string): boolean {
  return attribute === 'open' && element.nodeName === 'DETAILS';
}

/** As submit-guard.ts marks it. */
function isBeingSent(element: Element): boolean {
  return element instanceof HTMLFormElement && element.querySelector('[aria-disabled="true"]') !== null;
}

/** Text that somebody has marked, perhaps to copy it, changes when they let it go. */
function isSelected(node: Node): boolean {
  const selection = getSelection();
  return selection !== null && !selection.isCollapsed && selection.containsNode(node, true);
}
