import accounts from './en/accounts.json' with { type: 'json' };
import audit from './en/audit.json' with { type: 'json' };
import cli from './en/cli.json' with { type: 'json' };
import common from './en/common.json' with { type: 'json' };
import inbox from './en/inbox.json' with { type: 'json' };
import installation from './en/installation.json' with { type: 'json' };
import journal from './en/journal.json' with { type: 'json' };
import live from './en/live.json' with { type: 'json' };
import mailings from './en/mailings.json' with { type: 'json' };
import messages from './en/messages.json' with { type: 'json' };
import nodes from './en/nodes.json' with { type: 'json' };
import onboarding from './en/onboarding.json' with { type: 'json' };
import oversight from './en/oversight.json' with { type: 'json' };
import recipients from './en/recipients.json' with { type: 'json' };
import relays from './en/relays.json' with { type: 'json' };
import report from './en/report.json' with { type: 'json' };
import security from './en/security.json' with { type: 'json' };
import settings from './en/settings.json' with { type: 'json' };
import statistics from './en/statistics.json' with { type: 'json' };
import users from './en/users.json' with { type: 'json' };

export const en = {
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
