import type { Stage } from '../stage.ts';
import { DomainUser } from './domain-user.ts';
import type { SambaStorage } from './samba-demo.ts';

const newPassword = 'New-Join-Passw0rd!';

/** The password of the join account is changed in the domain. */
export async function changePassword(stage: Stage, { client, domains: { b } }: SambaStorage): Promise<void> {
  const { screen } = stage;
  stage.export('tenant', { NEW_PASSWORD: newPassword });
  await new DomainUser(stage, client, b, 'bella').staysConnected('projects', async () => {
    screen.say(`While Bella is connected the people of ${b.name} change the password of "joiner":`);
    screen.typed('magenta', `${b.controller.name}#`, 'samba-tool user setpassword joiner');
    await b.setPassword('joiner', newPassword);
    screen.say('The tenant puts it into the Secret. The network says that the share servers do not have it yet:');
    await stage.tenant(
      `kubectl patch secret ad-b-password --type=merge -p '{"stringData":{"password":"'"$NEW_PASSWORD"'"}}'`,
    );
    await stage.tenant('kubectl wait sharenetwork/net-1 --for=condition=SecurityServicesUpToDate=False --timeout=60s');
    await stage.tenant(
      `kubectl get sharenetwork net-1 -o jsonpath='{range .status.conditions[*]}{.type}={.status} {.reason}{"\\n"}{end}'`,
    );
    screen.say('They get it when the tenant says so, with a token of any text:');
    await stage.tenant('kubectl annotate sharenetwork net-1 sharenet.io/reapply-requested-at=new-password');
    await stage.tenant('kubectl wait sharenetwork/net-1 --for=condition=SecurityServicesUpToDate --timeout=60s');
    await stage.tenant('kubectl get sharenetworks,shareservers');
    screen.say('For that nothing had to start again. Bella is still connected:');
  });
}
