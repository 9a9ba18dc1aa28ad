import accounts from './ru/accounts.json' with { type: 'json' };
import audit from './ru/audit.json' with { type: 'json' };
import cli from './ru/cli.json' with { type: 'json' };
import common from './ru/common.json' with { type: 'json' };
import inbox from './ru/inbox.json' with { type: 'json' };
import installation from './ru/installation.json' with { type: 'json' };
import journal from './ru/journal.json' with { type: 'json' };
import live from './ru/live.json' with { type: 'json' };
import mailings from './ru/mailings.json' with { type: 'json' };
import messages from './ru/messages.json' with { type: 'json' };
import nodes from './ru/nodes.json' with { type: 'json' };
import onboarding from './ru/onboarding.json' with { type: 'json' };
import oversight from './ru/oversight.json' with { type: 'json' };
import recipients from './ru/recipients.json' with { type: 'json' };
import relays from './ru/relays.json' with { type: 'json' };
import report from './ru/report.json' with { type: 'json' };
import security from './ru/security.json' with { type: 'json' };
import settings from './ru/settings.json' with { type: 'json' };
import statistics from './ru/statistics.json' with { type: 'json' };
import users from './ru/users.json' with { type: 'json' };

export const ru = {
  accounts,
  audit,
  cli,
  common,
  inbox,
  installation,
  journal,
  live,
  mailings,
  messages,
  nodes,
  onboarding,
  oversight,
  recipients,
  relays,
  report,
  security,
  settings,
  statistics,
  users,
};
