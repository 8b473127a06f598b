//! The installer's log, followed under a real `kube::Client` on a server in a closure.

use futures::{Stream, StreamExt as _};
use jiff::Timestamp;
use kube::Client;
use kubectl_mc::{
    live::follow::{
        Line, LogUnavailable, Manner, News, TailBounds, find_of, follow, installer_log_tail, read,
    },
    plan::observed::Installer,
};

use crate::support::log_server::{Log, Shared, server};

fn lines(
    client: Client,
    since: Option<Timestamp>,
) -> impl Stream<Item = Result<Line, LogUnavailable>> + Send {
    follow(client, since, None).filter_map(async |news| match news {
        Ok(News::Line(line)) => Some(Ok(line)),
        Ok(_) => None,
        Err(reason) => Some(Err(reason)),
    })
}

async fn first(client: Client, number: usize) -> Vec<String> {
    lines(client, None).take(number).map(|line| line.unwrap().text).collect().await
}

fn log_requests(server: &Shared) -> Vec<String> {
    let requests = &server.lock().unwrap().requests;
    requests.iter().filter(|uri| uri.contains("/log?")).cloned().collect()
}

const RUNNING: &[(&str, i32, &str)] = &[("a", 0, "Running")];

#[tokio::test(start_paused = true)]
async fn a_cut_in_the_middle_of_a_line_loses_and_repeats_nothing() {
    let (client, server) = server(
        &[RUNNING],
        &[
            Log::Cut("2024-03-01T10:00:01.1Z one\n2024-03-01T10:00:01.9Z two\n2024-03-01T10:00:02.0Z th"),
            Log::Silent(
                "2024-03-01T10:00:01.1Z one\n2024-03-01T10:00:01.9Z two\n2024-03-01T10:00:02.0Z three\n2024-03-01T10:00:03Z four\n",
            ),
        ],
    );
    assert_eq!(first(client, 4).await, ["one", "two", "three", "four"]);
    let requests = log_requests(&server);
    assert!(
        requests[0].ends_with("/pods/a/log?&container=installer&follow=true&timestamps=true"),
        "{requests:?}"
    );
    assert!(requests[1].contains("sinceTime=2024-03-01T10%3A00%3A00Z"), "rounded down: {requests:?}");
    assert!(server.lock().unwrap().requests[1].contains("labelSelector=app%3Dks-install"));
}

#[tokio::test(start_paused = true)]
async fn equal_lines_at_the_same_time_are_each_given_once() {
    let (client, _) = server(
        &[RUNNING],
        &[
            Log::Cut("2024-03-01T10:00:01.5Z ***\n2024-03-01T10:00:01.5Z ***\n"),
            Log::Silent(
                "2024-03-01T10:00:01.5Z ***\n2024-03-01T10:00:01.5Z ***\n2024-03-01T10:00:01.5Z ***\n2024-03-01T10:00:01.5Z end\n",
            ),
        ],
    );
    assert_eq!(first(client, 4).await, ["***", "***", "***", "end"]);
}

#[tokio::test(start_paused = true)]
async fn after_a_rotation_only_the_new_file_is_served_and_nothing_of_it_is_skipped() {
    let (client, _) = server(
        &[RUNNING],
        &[
            Log::Cut("2024-03-01T10:00:01.1Z one\n2024-03-01T10:00:01.2Z two\n"),
            Log::Silent("2024-03-01T10:00:01.3Z three\n2024-03-01T10:00:01.4Z four\n"),
        ],
    );
    assert_eq!(first(client, 4).await, ["one", "two", "three", "four"]);
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_opened_anew() {
    let (client, server) = server(
        &[RUNNING],
        &[
            Log::Silent("2024-03-01T10:00:01Z one\n"),
            Log::Silent("2024-03-01T10:00:01Z one\n2024-03-01T10:00:02Z two\n"),
        ],
    );
    assert_eq!(first(client, 2).await, ["one", "two"]);
    assert_eq!(log_requests(&server).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_replaced_pod_is_read_to_its_end_and_the_new_one_from_its_beginning() {
    let both: &[(&str, i32, &str)] = &[("a", 0, "Running"), ("b", 0, "Running")];
    let (client, server) = server(
        &[RUNNING, both],
        &[
            Log::Cut("2024-03-01T10:00:01Z one\n"),
            Log::Ends("2024-03-01T10:00:01Z one\n2024-03-01T10:00:02Z two\n2024-03-01T10:00:03Z thr"),
            Log::Silent("2024-03-01T10:00:00Z new pod\n2024-03-01T10:00:05Z four\n"),
        ],
    );
    assert_eq!(first(client, 5).await, ["one", "two", "thr", "new pod", "four"]);
    let requests = log_requests(&server);
    assert!(requests[1].contains("/pods/a/log") && !requests[1].contains("follow"), "{requests:?}");
    assert!(requests[2].contains("/pods/b/log") && !requests[2].contains("sinceTime"), "{requests:?}");
}

#[tokio::test(start_paused = true)]
async fn a_restarted_containers_rest_is_read_from_its_previous_log() {
    let restarted: &[(&str, i32, &str)] = &[("a", 1, "Running")];
    let (client, server) = server(
        &[RUNNING, restarted],
        &[
            Log::Cut("2024-03-01T10:00:01Z one\n"),
            Log::Ends("2024-03-01T10:00:01Z one\n2024-03-01T10:00:02Z two\n"),
            Log::Silent("2024-03-01T10:00:09Z three\n"),
        ],
    );
    assert_eq!(first(client, 3).await, ["one", "two", "three"]);
    assert!(log_requests(&server)[1].contains("previous=true"));
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_gone_and_one_that_is_being_created_are_waited_for() {
    let creating: &[(&str, i32, &str)] = &[("b", 0, "Pending")];
    let started: &[(&str, i32, &str)] = &[("b", 0, "Running")];
    let (client, _) = server(
        &[RUNNING, RUNNING, &[], creating, started],
        &[
            Log::Cut("2024-03-01T10:00:01Z one\n2024-03-01T10:00:02Z begun"),
            Log::Refused(404),
            Log::Refused(404),
            Log::Refused(400),
            Log::Silent("2024-03-01T10:00:09Z three\n"),
        ],
    );
    assert_eq!(first(client, 3).await, ["one", "begun", "three"]);
}

#[tokio::test(start_paused = true)]
async fn a_forbidden_log_ends_with_its_reason_at_once() {
    let (client, server) = server(&[RUNNING], &[Log::Refused(403)]);
    let items: Vec<_> = lines(client, None).collect().await;
    let [Err(reason @ LogUnavailable::Forbidden { .. })] = items.as_slice() else { panic!("{items:?}") };
    assert_eq!(reason.to_string(), "not allowed to get pods/log in kubesphere-system");
    assert_eq!(log_requests(&server).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_kubelet_that_does_not_answer_ends_it_after_two_minutes() {
    let (client, server) = server(&[RUNNING], &[Log::Refused(502)]);
    let items: Vec<_> = lines(client, None).collect().await;
    assert!(matches!(items.as_slice(), [Err(LogUnavailable::Unreadable { .. })]), "{items:?}");
    let tries = log_requests(&server).len();
    assert!((20..40).contains(&tries), "{tries} tries in two minutes");
}

#[tokio::test(start_paused = true)]
async fn without_the_deployment_there_is_no_log() {
    let (client, server) = server(&[], &[]);
    server.lock().unwrap().deployment = Some(404);
    let items: Vec<_> = lines(client, None).collect().await;
    assert!(matches!(items.as_slice(), [Err(LogUnavailable::NoInstaller)]), "{items:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_before_since_is_given_and_complaints_of_the_kubelet_are_left_out() {
    let (client, server) = server(
        &[RUNNING],
        &[Log::Silent(
            "2024-03-01T10:00:01.2Z old\n2024-03-01T10:00:01.8Z new\nfailed to watch file \"x\"\n2024-03-01T10:00:02Z next\n",
        )],
    );
    let since = "2024-03-01T10:00:01.7Z".parse().unwrap();
    let lines: Vec<_> = lines(client, Some(since)).take(2).map(|line| line.unwrap().text).collect().await;
    assert_eq!(lines, ["new", "next"]);
    assert!(log_requests(&server)[0].contains("sinceTime=2024-03-01T10%3A00%3A01Z"));
}

#[tokio::test(start_paused = true)]
async fn when_dropped_it_asks_nothing_more() {
    let (client, server) = server(&[&[]], &[]);
    let minute = std::time::Duration::from_secs(60);
    let mut waiting = Box::pin(follow(client, None, None).count());
    let mut asked = Vec::new();
    for _ in 0..2 {
        assert!(tokio::time::timeout(minute, &mut waiting).await.is_err(), "a pod is waited for");
        asked.push(server.lock().unwrap().requests.len());
    }
    drop(waiting);
    tokio::time::sleep(minute).await;
    assert_eq!(server.lock().unwrap().requests.len(), asked[1]);
    assert!(asked[0] < 20 && asked[1] - asked[0] <= 6, "{asked:?} requests after a minute and two");
}

fn installer() -> Installer {
    Installer { replicas: 1, selector: Some("app=ks-install".to_owned()), ..Installer::default() }
}

#[tokio::test]
async fn the_tail_keeps_the_newest_lines_within_its_bounds() {
    let text = "2024-03-01T10:00:01Z one\n2024-03-01T10:00:02Z two\n2024-03-01T10:00:03Z three";
    let (client, server) = server(&[RUNNING], &[Log::Ends(text)]);
    let bounds = TailBounds { lines: 100, bytes: 8 };
    let container = find_of(&client, &installer()).await.unwrap();
    let lines = installer_log_tail(&client, &container, bounds).await.unwrap();
    let at = |text: &str| text.parse().unwrap();
    let expected = [("2024-03-01T10:00:02Z", "two"), ("2024-03-01T10:00:03Z", "three")]
        .map(|(time, text)| Line { at: at(time), text: text.to_owned() });
    assert_eq!(lines, expected);
    assert!(log_requests(&server)[0].contains("tailLines=100"));
}

#[tokio::test]
async fn without_a_started_pod_there_is_no_log() {
    let given_up = Installer { has_given_up: true, ..installer() };
    let pending = vec![("a", 0, "Pending")];
    for (pods, installer, expected) in
        [(pending.clone(), installer(), false), (pending, given_up, true), (Vec::new(), installer(), true)]
    {
        let (client, _) = server(&[&pods], &[]);
        match find_of(&client, &installer).await {
            Err(LogUnavailable::NoPod { is_for_good, .. }) => assert_eq!(is_for_good, expected, "{pods:?}"),
            other => panic!("{other:?}"),
        }
    }
}

/// What is read, in short.
async fn told(client: Client, manner: Manner, number: usize) -> Vec<String> {
    let news = read(client, manner).take(number).map(|news| match news {
        Ok(News::Line(line)) => line.text,
        Ok(News::CaughtUp) => "(all)".to_owned(),
        Ok(News::Container { pod, .. }) => format!("({pod})"),
        Ok(News::Waits(why)) => format!("(waits: {why})"),
        Ok(News::Resumed) => "(resumed)".to_owned(),
        Err(reason) => format!("({reason})"),
    });
    news.collect().await
}

#[tokio::test(start_paused = true)]
async fn what_is_written_has_an_end_and_what_follows_is_not_repeated() {
    let (client, server) = server(
        &[RUNNING],
        &[
            Log::Cut("2024-03-01T10:00:01Z one\n2024-03-01T10:00:02Z tw"),
            Log::Ends("2024-03-01T10:00:01Z one\n2024-03-01T10:00:02Z two\n2024-03-01T10:00:03Z begun"),
            Log::Silent("2024-03-01T10:00:02Z two\n2024-03-01T10:00:03Z begun and ended\n"),
        ],
    );
    let expected = ["(a)", "one", "two", "(all)", "begun and ended"];
    assert_eq!(told(client, Manner::Readily, 5).await, expected);
    let follows: Vec<bool> = log_requests(&server).iter().map(|uri| uri.contains("follow=true")).collect();
    assert_eq!(follows, [false, false, true]);
}

#[tokio::test(start_paused = true)]
async fn what_is_read_once_ends_with_the_line_that_is_begun() {
    let (client, _) = server(&[RUNNING], &[Log::Ends("2024-03-01T10:00:01Z one\n2024-03-01T10:00:02Z two")]);
    assert_eq!(told(client, Manner::Once, 9).await, ["(a)", "one", "two", "(all)"]);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_does_not_start_is_told_once_or_an_error() {
    let creating: &[(&str, i32, &str)] = &[("b", 0, "Pending")];
    let waits = "ks-installer has no running pod: b: ContainerCreating";
    let (client, _) = server(&[creating], &[]);
    assert_eq!(told(client, Manner::Once, 9).await, [format!("({waits})")]);
    let (client, _) =
        server(&[creating, creating, &[("b", 0, "Running")]], &[Log::Ends("2024-03-01T10:00:01Z one\n")]);
    assert_eq!(told(client, Manner::Readily, 4).await, [&format!("(waits: {waits})"), "(b)", "one", "(all)"]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_at_first_is_an_error_at_once() {
    for manner in [Manner::Readily, Manner::Once] {
        let (client, server) = server(&[RUNNING], &[Log::Refused(502)]);
        assert_eq!(told(client, manner, 9).await, ["(failed to get pods/log in kubesphere-system)"]);
        assert_eq!(log_requests(&server).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_restarted_container_is_read_with_its_life_before() {
    let restarted: &[(&str, i32, &str)] = &[("a", 1, "Restarted")];
    let (client, server) = server(
        &[restarted],
        &[
            Log::Ends("2024-03-01T10:00:01Z one\n2024-03-01T10:00:02Z killed"),
            Log::Ends("2024-03-01T10:00:05Z anew\n"),
        ],
    );
    assert_eq!(told(client, Manner::Once, 9).await, ["one", "killed", "(a)", "anew", "(all)"]);
    assert!(log_requests(&server)[0].contains("previous=true"));
}

const ONE: &str = "2024-03-01T10:00:01Z one\n";
const BROKEN: &str = "failed to get pods/log in kubesphere-system";

#[tokio::test(start_paused = true)]
async fn a_log_that_breaks_off_at_the_same_place_again_and_again_is_given_up() {
    for (manner, tries) in [(Manner::Once, 4..12), (Manner::Readily, 20..50)] {
        let (client, server) = server(&[RUNNING], &[Log::Cut(ONE)]);
        let why = "the connection to the server broke: the log breaks off before its end";
        let waits = format!("(waits: {BROKEN}: {why})");
        assert_eq!(told(client, manner, 9).await, ["(a)", "one", &waits, &format!("({BROKEN})")]);
        let tried = log_requests(&server).len();
        assert!(tries.contains(&tried), "{manner:?}: {tried} tries");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_away_for_a_moment_keeps_nobody_from_the_end() {
    let whole = "2024-03-01T10:00:01Z one\n2024-03-01T10:00:02Z two\n";
    let (client, _) = server(&[RUNNING], &[Log::Cut(ONE), Log::Refused(502), Log::Ends(whole)]);
    let away = format!("(waits: {BROKEN}: the server is unavailable: no)");
    assert_eq!(told(client, Manner::Once, 9).await, ["(a)", "one", &away, "(resumed)", "two", "(all)"]);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_long_in_coming_is_told() {
    let (client, server) = server(&[RUNNING], &[Log::Refused(404)]);
    let waits = told(client, Manner::Readily, 1).await.remove(0);
    assert!(waits.starts_with("(waits: failed to get pods/log"), "{waits}");
    assert!(log_requests(&server).len() > 3, "not at the first try");
}

#[tokio::test(start_paused = true)]
async fn a_life_before_that_breaks_off_is_read_to_its_end_first() {
    let restarted: &[(&str, i32, &str)] = &[("a", 1, "Restarted")];
    let (client, server) = server(
        &[restarted],
        &[
            Log::Cut(ONE),
            Log::Refused(503),
            Log::Ends("2024-03-01T10:00:01Z one\n2024-03-01T10:00:02Z killed"),
            Log::Ends("2024-03-01T10:00:01.5Z anew\n"),
        ],
    );
    let told = told(client, Manner::Once, 9).await;
    assert_eq!((told[0].as_str(), told[2..].join(" ").as_str()), ("one", "(resumed) killed (a) anew (all)"));
    let previous: Vec<bool> = log_requests(&server).iter().map(|uri| uri.contains("previous=true")).collect();
    assert_eq!(previous, [true, true, true, false]);
}

#[tokio::test(start_paused = true)]
async fn the_rest_of_a_replaced_pod_is_asked_for_again() {
    let both: &[(&str, i32, &str)] = &[("a", 0, "Running"), ("b", 0, "Running")];
    let rest = "2024-03-01T10:00:01Z one\n2024-03-01T10:00:02Z two\n";
    let (client, _) = server(
        &[RUNNING, both],
        &[Log::Cut(ONE), Log::Refused(502), Log::Ends(rest), Log::Silent("2024-03-01T10:00:05Z three\n")],
    );
    assert_eq!(first(client, 3).await, ["one", "two", "three"]);
}
