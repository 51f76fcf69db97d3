// The frame of all pages: rail or tabs, the banner, notices, and the page that the address names.
// Invariant: the approvals that wait, and whether the server is there, are seen and said from every page.
import { useEffect, useRef } from "preact/hooks";
import { listenForKeys } from "./keys.ts";
import { useObservable } from "./observable.ts";
import { Banner } from "./parts/banner.tsx";
import { KeyHelp } from "./parts/key-help.tsx";
import { Lock } from "./parts/lock.tsx";
import { NoticeBar } from "./parts/notice-bar.tsx";
import { Rail } from "./parts/rail.tsx";
import { ActorsPage } from "./pages/actors.tsx";
import { ApprovalsPage } from "./pages/approvals.tsx";
import { ChartsPage } from "./pages/charts.tsx";
import { MeshPage } from "./pages/mesh.tsx";
import { TaskPage } from "./pages/task.tsx";
import { TasksPage } from "./pages/tasks.tsx";
import { WorkflowPage } from "./pages/workflow.tsx";
import { WorkflowsPage } from "./pages/workflows.tsx";
import { route, type Route } from "./route.ts";
import { isLocked } from "./server.ts";

/** The whole page. */
export function App() {
  const place = useObservable(route);
  const locked = useObservable(isLocked);
  const main = useRef<HTMLElement>(null);
  const hasMoved = useRef(false);
  useEffect(listenForKeys, []);
  // An actor is shown beside the list, which stays where it is.
  const shown = place.section === "actors" ? null : place.id;
  useEffect(() => {
    main.current?.scrollTo(0, 0);
  }, [place.section, shown]);
  useEffect(() => {
    document.title = `${place.id ?? name(place)} · Fettle`;
    // What had the focus may have gone with the page that was left.
    if (hasMoved.current && document.activeElement === document.body)
      main.current?.focus({ preventScroll: true });
    hasMoved.current = true;
  }, [place.section, place.id]);
  if (locked) return <Lock />;
  return (
    <div class="frame">
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        To the content
      </a>
      <Rail place={place} />
      <main id="main" ref={main} tabIndex={-1}>
        <Banner />
        <Page place={place} />
      </main>
      <NoticeBar />
      <KeyHelp />
    </div>
  );
}

function Page({ place }: { readonly place: Route }) {
  const { section, id } = place;
  switch (section) {
    case "mesh":
      return <MeshPage />;
    case "tasks":
      return id === null ? <TasksPage place={place} /> : <TaskPage key={id} taskId={id} />;
    case "actors":
      return <ActorsPage place={place} />;
    case "workflows":
      return id === null ? <WorkflowsPage place={place} /> : <WorkflowPage key={id} workflowId={id} />;
    case "approvals":
      return <ApprovalsPage />;
    case "charts":
      return <ChartsPage name={id} />;
  }
}

function name({ section }: Route): string {
  return section.charAt(0).toUpperCase() + section.slice(1);
}
