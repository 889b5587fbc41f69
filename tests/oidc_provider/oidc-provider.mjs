// The certified OpenID provider of npm, for one person. `node oidc-provider.mjs PORT WORKSPACE` prints "ready" and its address.
// `… PORT WORKSPACE CALLBACK SECONDS` adds the client `public`, which gets refresh tokens: its redirect URI, and how long access tokens last.
// POST /test/rotate signs with a new key, POST /test/forget removes all older ones.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [port, workspace, callback, seconds = 300] = process.argv.slice(2);
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
    }, ...(callback ? [{
      client_id: 'public', token_endpoint_auth_method: 'none', redirect_uris: [callback], id_token_signed_response_alg: 'ES256',
      grant_types: ['authorization_code', 'refresh_token'],
    }] : [])],
    cookies: { keys: ['only-for-tests'] },
    pkce: { required: (_, client) => client.clientId === 'public' },
    issueRefreshToken: (_, client) => client.clientId === 'public',
    rotateRefreshToken: true,
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
          scope: 'api', audience: 'urn:tandem', accessTokenFormat: 'jwt', accessTokenTTL: Number(seconds), jwt: { sign: { alg: 'ES256' } },
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
