/** What the kiosk shows when there is no visit to be had: to be paired, waiting for its contents, out of service. */

import { before } from "../before";
import { spaced } from "../contact/checks";
import { Logo, Picture } from "../parts/pictures";
import type { Screen } from "../wire";

function Both({ of, kind }: { of: Parameters<typeof before>[0]; kind: string }) {
  const [french, english] = before(of);
  return (
    <p class={kind}>
      {french} <span lang="en" class="soft">{english}</span>
    </p>
  );
}

function Title({ of }: { of: Parameters<typeof before>[0] }) {
  const [french, english] = before(of);
  return (
    <>
      <h1>{french}</h1>
      <p class="lead soft" lang="en">{english}</p>
    </>
  );
}

export function Starting() {
  return (
    <main class="screen mode">
      <Logo />
      <p class="lead">{before("starting")[0]}</p>
    </main>
  );
}

export function Pairing({ screen }: { screen: Screen }) {
  const code = screen.pairing?.code ?? "";
  return (
    <main class="screen mode">
      <Logo />
      <Title of="pairing.title" />
      <p class="code" aria-label={Array.from(code).join(" ")}>{code}</p>
      <Both of="pairing.lead" kind="lead" />
      <p class="lead">
        {before("pairing.server")[0]} : <strong class="break">{screen.pairing?.server}</strong>
      </p>
    </main>
  );
}

export function Waiting({ screen }: { screen: Screen }) {
  const percent = Math.round((screen.progress ?? 0) * 100);
  return (
    <main class="screen mode">
      <Logo />
      <Title of="waiting.title" />
      <Both of="waiting.lead" kind="lead" />
      <div class="rise" role="progressbar" aria-valuenow={percent} aria-valuemin={0} aria-valuemax={100} aria-label={before("waiting.title")[0]}>
        <span style={{ width: `${percent}%` }} />
      </div>
      <p class="soft">{`${percent} %`}{screen.name && ` · ${screen.name}`}</p>
    </main>
  );
}

/** Quiet on purpose: nothing is broken, somebody sees to it. */
export function Maintenance({ screen }: { screen: Screen }) {
  const phone = screen.settings.host_phone;
  return (
    <main class="screen mode">
      <Logo />
      <Title of="maintenance.title" />
      <Both of="maintenance.lead" kind="lead" />
      {phone && (
        <p class="lead">
          {before("out.call")[0]} <strong class="number">{spaced(phone)}</strong>
        </p>
      )}
    </main>
  );
}

export function OutOfService({ screen }: { screen: Screen | null }) {
  const phone = screen?.settings.host_phone;
  return (
    <main class="screen mode">
      <Picture of="effacer" />
      <Title of="out.title" />
      <Both of="out.lead" kind="lead" />
      {phone && (
        <p class="lead">
          {before("out.call")[0]} <strong class="number">{spaced(phone)}</strong>
        </p>
      )}
    </main>
  );
}

/** The name over everything, for who is looking for this kiosk among others. */
export function Identify({ screen }: { screen: Screen }) {
  return (
    <div class="identify" role="status">
      <p class="soft">{before("identify")[0]}</p>
      <p class="d">{screen.name || screen.terminal}</p>
      <p>{screen.terminal}{screen.place && ` · ${screen.place.name}`}</p>
    </div>
  );
}
