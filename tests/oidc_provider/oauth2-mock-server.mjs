// A second provider of npm. `node oauth2-mock-server.mjs PORT WORKSPACE` prints "ready" and its address.
// POST /token gives a token of a person.
import { OAuth2Server } from 'oauth2-mock-server';

const [port, workspace] = process.argv.slice(2);
const server = new OAuth2Server();
await server.issuer.keys.generate('RS256');
server.service.on('beforeTokenSigning', (token) => {
  Object.assign(token.payload, {
    sub: 'grace', aud: 'urn:tandem', name: 'Grace Hopper', tandem_workspaces: { [workspace]: 'READ' },
  });
});
await server.start(Number(port), '127.0.0.1');
console.log(`ready ${server.issuer.url}`);
