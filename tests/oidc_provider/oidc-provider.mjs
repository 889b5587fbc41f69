// The certified OpenID provider of npm, for one person. `node oidc-provider.mjs PORT WORKSPACE` prints "ready" and its address.
// POST /test/rotate signs with a new key, POST /test/forget removes all older ones.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [port, workspace] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
let keys = [];
let current;

function newKey() {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: `key-${Date.now()}` };
}

function build() {
  const provider = new Provider(issuer, {
    jwks: { keys },
    clients: [{
      client_id: 'console', client_secret: 'only-for-tests', redirect_uris: ['http://127.0.0.1:1/back'],
      id_token_signed_response_alg: 'ES256',
    }],
    cookies: { keys: ['only-for-tests'] },
    pkce: { required: () => false },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    extraTokenClaims: () => ({
      name: 'Ada Lovelace', email: 'ada@practice.example', tandem_workspaces: [workspace], tandem_scope: 'ADMIN',
    }),
    features: {
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:tandem',
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'api', audience: 'urn:tandem', accessTokenFormat: 'jwt', accessTokenTTL: 300, jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
  });
  current = provider.callback();
}

keys = [newKey()];
build();
createServer((request, response) => {
  if (request.method === 'POST' && request.url.startsWith('/test/')) {
    keys = request.url === '/test/rotate' ? [newKey(), ...keys] : keys.slice(0, 1);
    build();
    response.end();
    return;
  }
  current(request, response);
}).listen(Number(port), '127.0.0.1', () => console.log(`ready ${issuer}`));
