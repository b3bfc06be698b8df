// An OpenID provider for tests: oidc-provider of npm, with people who are whom they say.
//
//     node provider.mjs SETTINGS
//
// SETTINGS is a JSON file: issuer, port, certificate, key, jwks, clients, audience, format (jwt, opaque), alg, sparing (ID
// tokens leave out what the userinfo endpoint says), people (account: claims, and `speaks_of`: whom that endpoint speaks of). A line "ready" says that it listens. POST /test/mint gives an access token as the provider would
// give it to a client, so that not every test walks through the browser's part.
import fs from 'node:fs';
import https from 'node:https';
import Provider from 'oidc-provider';

const settings = JSON.parse(fs.readFileSync(process.argv[2]));
const claims_of = (account) => settings.people[account] ?? {};

const resource = {
    scope: 'mail.send mail.read',
    audience: settings.audience,
    accessTokenTTL: 600,
    accessTokenFormat: settings.format,
    jwt: { sign: { alg: settings.alg } },
};

const provider = new Provider(settings.issuer, {
    clients: settings.clients,
    jwks: settings.jwks,
    claims: { openid: ['sub'], email: ['email', 'email_verified'] },
    conformIdTokenClaims: settings.sparing ?? false,
    cookies: { keys: ['for tests alone'] },
    findAccount: (_, account) => ({
        accountId: account,
        claims: async (use) => {
            const { speaks_of: other, ...claims } = claims_of(account);
            return { sub: use === 'userinfo' ? other ?? account : account, ...claims };
        },
    }),
    extraTokenClaims: async (_, token) => claims_of(token.accountId),
    pkce: { methods: ['S256'], required: () => true },
    features: {
        devInteractions: { enabled: true },
        deviceFlow: { enabled: true },
        introspection: { enabled: true, allowedPolicy: async () => true },
        resourceIndicators: {
            enabled: true,
            getResourceServerInfo: async () => resource,
            useGrantedResource: async () => true,
        },
    },
});

async function mint(ask) {
    const grant = new provider.Grant({ accountId: ask.account, clientId: ask.client });
    grant.addResourceScope(settings.audience, ask.scope);
    const token = new provider.AccessToken({
        accountId: ask.account,
        client: await provider.Client.find(ask.client),
        grantId: await grant.save(),
        gty: 'authorization_code',
        scope: ask.scope,
        expiresIn: ask.expires ?? 600,
    });
    token.resourceServer = new provider.ResourceServer(settings.audience, resource);
    return token.save();
}

const serve = provider.callback();
const tls = { cert: fs.readFileSync(settings.certificate), key: fs.readFileSync(settings.key) };
https.createServer(tls, async (request, response) => {
    if (request.url !== '/test/mint') {
        serve(request, response);
        return;
    }
    let body = '';
    for await (const part of request) {
        body += part;
    }
    try {
        response.end(await mint(JSON.parse(body)));
    } catch (error) {
        response.writeHead(500);
        response.end(String(error.stack));
    }
}).listen(settings.port, '127.0.0.1', () => console.log('ready'));
