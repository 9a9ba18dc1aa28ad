import { expect, test } from 'vitest';

import { parseNobody } from './database-user.js';

test.each([
  [
    'Debian',
    'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n',
    65_534,
    65_534,
  ],
  ['Fedora with its own number', 'nobody:x:99:98:Nobody:/:/sbin/nologin\n', 99, 98],
  ['macOS', 'nobody:*:-2:-2:Unprivileged User:/var/empty:/usr/bin/false\n', 4_294_967_294, 4_294_967_294],
  ['a system without the entry', '', 65_534, 65_534],
])('reads the user nobody of %s', (_system, passwd, uid, gid) => {
  expect(parseNobody(passwd)).toEqual({ uid, gid });
});
