// A certified OpenID Connect provider on loopback, for tests: node provider.mjs FOLDER PORT SECRET
//
// FOLDER holds node_modules. People log in by their name alone; who they are is set at /test/person, and the
// tests of what happens later end access tokens (/test/expire) or whole sessions (/test/end) of a person.
const [folder, port, secret] = process.argv.slice(2);
const { default: Provider } = await import(`${folder}/node_modules/oidc-provider/lib/index.js`);

const people = new Map(); // name -> { name, sub, groups, factors }
const kept = new Map(); // model:id -> payload

class Memory {
  constructor(model) { this.model = model; }
  key(id) { return `${this.model}:${id}`; }
  async upsert(id, payload) { kept.set(this.key(id), payload); }
  async find(id) { return kept.get(this.key(id)); }
  async findByUid(uid) {
    return [...kept].find(([key, one]) => key.startsWith(`${this.model}:`) && one.uid === uid)?.[1];
  }
  async findByUserCode() { return undefined; }
  async consume(id) { kept.get(this.key(id)).consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { kept.delete(this.key(id)); }
  async revokeByGrantId(grantId) {
    for (const [key, one] of kept) if (one.grantId === grantId) kept.delete(key);
  }
}

function forget(name, models) {
  for (const [key, one] of kept) {
    if (one.accountId === name && models.includes(key.split(':')[0])) kept.delete(key);
  }
}

const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: Memory,
  clients: [{
    client_id: 'sandbox',
    client_secret: secret,
    grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris: ['http://127.0.0.1/hub/oauth_callback'],
  }],
  cookies: { keys: [secret] },
  claims: { openid: ['sub', 'amr'], profile: ['preferred_username', 'groups'] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  issueRefreshToken: async () => true,
  pkce: { required: () => true },
  ttl: { AccessToken: 600, Grant: 3600, IdToken: 600, Interaction: 600, RefreshToken: 3600, Session: 3600 },
  async findAccount(ctx, sub) {
    const person = [...people.values()].find((one) => one.sub === sub);
    return person && {
      accountId: sub,
      claims: async () => ({ sub, preferred_username: person.name, groups: person.groups }),
    };
  },
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope('openid profile');
    await grant.save();
    return grant;
  },
});

// The port of the sandbox under test is not known yet; everything else of the address is fixed.
provider.Client.prototype.redirectUriAllowed = (address) => (
  /^http:\/\/127\.0\.0\.1:\d+\/hub\/oauth_callback$/.test(address)
);

async function text(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
}

provider.use(async (ctx, next) => {
  if (ctx.path.startsWith('/interaction/')) {
    if (ctx.method === 'GET') {
      ctx.type = 'html';
      ctx.body = '<form method="post"><input name="login"><button>Log in</button></form>';
      return;
    }
    const name = new URLSearchParams(await text(ctx.req)).get('login');
    const person = people.get(name);
    const result = person
      ? { login: { accountId: person.sub, amr: person.factors } }
      : { error: 'access_denied', error_description: 'Nobody has this name.' };
    ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result));
    return;
  }
  if (!ctx.path.startsWith('/test/')) { await next(); return; }
  const asked = JSON.parse(await text(ctx.req));
  const steps = {
    '/test/person': () => people.set(asked.name, asked),
    '/test/expire': () => forget(asked.name, ['AccessToken']),
    '/test/end': () => forget(asked.name, ['AccessToken', 'RefreshToken', 'Session', 'Grant']),
  };
  steps[ctx.path]();
  ctx.status = 204;
});

provider.on('server_error', (ctx, error) => console.error(error));
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
