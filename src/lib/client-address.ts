import { BlockList, isIP, isIPv4 } from 'node:net';

/** The proxies whose word on where a request comes from is taken: addresses and networks, as `10.0.0.0/8`. */
export type TrustedProxies = BlockList;

/** Whether it is an address, or a network with the length of its prefix. */
export function isNetwork(text: string): boolean {
  const [address = '', bits = '0', ...rest] = text.split('/');
  return isIP(address) !== 0 && rest.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= longestPrefix(address);
}

/** `networks` as `isNetwork` has them. */
export function trustProxies(networks: string[]): TrustedProxies {
  const proxies = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    proxies.addSubnet(address, bits === undefined ? longestPrefix(address) : Number(bits), familyOf(address));
  }
  return proxies;
}

/**
 * Who asks: the last address of X-Forwarded-For that no trusted proxy wrote of another trusted one, or the peer itself where it is
 * no trusted proxy. What a stranger writes into the header counts for nothing.
 */
export function findClientAddress(peer: string, forwardedFor: string | undefined, trusted: TrustedProxies): string {
  const hops = [...(forwardedFor ?? '').split(','), peer].map(toAddress);
  const client = hops.findLast((hop) => !isTrusted(hop, trusted));
  return client !== undefined && isIP(client) !== 0 ? client : toAddress(peer);
}

/** What limits count by: an IPv4 address, or the /64 network of an IPv6 address, which one subscriber has to themselves. */
export function toLimitKey(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail] = address.split('::');
  const front = head === '' ? [] : head.split(':');
  const missing = tail === undefined ? 0 : 8 - front.length - tail.split(':').filter((group) => group !== '').length;
  const groups = [...front, ...Array<string>(Math.max(0, missing)).fill('0'), ...(tail ?? '').split(':')];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group || '0', 16).toString(16))
    .join(':')}::/64`;
}

function isTrusted(address: string, trusted: TrustedProxies): boolean {
  return isIP(address) !== 0 && trusted.check(address, familyOf(address));
}

function longestPrefix(address: string): number {
  return isIPv4(address) ? 32 : 128;
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6';
}

/** IPv4 addresses of a socket that listens on both come as `::ffff:1.2.3.4`. */
function toAddress(hop: string): string {
  return hop.trim().replace(/^::ffff:(?=\d+\.)/i, '');
}
