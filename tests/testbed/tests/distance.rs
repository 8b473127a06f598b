//! The long way to a server, and how a client's rounds are read off the audit log behind it.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use testbed::{Distance, Traffic, block_on, lease, rounds};

use crate::objects::{client, get};

const ROUND_TRIP: Duration = Duration::from_millis(200);

/// A server that sends everything back, and its end after that of its client.
fn echo() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
        }
    });
    format!("https://{address}")
}

fn connected(distance: &Distance) -> TcpStream {
    TcpStream::connect(distance.server().trim_start_matches("https://")).unwrap()
}

/// How long it takes until what is written has come back.
fn there_and_back(mut stream: &TcpStream, bytes: usize) -> Duration {
    let begun = Instant::now();
    thread::scope(|scope| {
        scope.spawn(move || stream.write_all(&vec![7; bytes]).unwrap());
        stream.read_exact(&mut vec![0; bytes]).unwrap();
    });
    begun.elapsed()
}

#[test]
fn a_connection_takes_a_round_trip_and_each_answer_one_more() {
    let distance = Distance::to(&echo(), ROUND_TRIP).unwrap();
    let stream = connected(&distance);
    let first = there_and_back(&stream, 1);
    assert!(first >= 2 * ROUND_TRIP, "{first:?}");
    let second = there_and_back(&stream, 1);
    assert!(second >= ROUND_TRIP && second < 2 * ROUND_TRIP, "{second:?}");
}

#[test]
fn much_takes_no_longer_than_little() {
    let distance = Distance::to(&echo(), ROUND_TRIP).unwrap();
    let stream = connected(&distance);
    there_and_back(&stream, 1);
    let much = there_and_back(&stream, 8 << 20);
    assert!(much >= ROUND_TRIP && much < 5 * ROUND_TRIP, "{much:?}");
}

#[test]
fn what_passes_is_counted_and_an_end_is_passed_on() {
    let distance = Distance::to(&echo(), Duration::ZERO).unwrap();
    assert_eq!(distance.traffic(), Traffic::default());
    for mut stream in [connected(&distance), connected(&distance)] {
        stream.write_all(b"hello").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "hello");
    }
    assert_eq!(distance.traffic(), Traffic { connections: 2, sent: 10, received: 10 });
}

#[test]
fn requests_that_wait_for_each_other_are_rounds() {
    let planes = lease(1).unwrap();
    let distance = Distance::to(&planes[0].server(), ROUND_TRIP).unwrap();
    let kubeconfig = std::fs::read_to_string(planes[0].kubeconfig_path()).unwrap();
    let kubeconfig = kubeconfig.replace(&planes[0].server(), distance.server());
    let far = || client(&kubeconfig, "far/1");
    let mark = planes[0].audit().mark();
    let patient = far();
    for _ in 0..2 {
        get(&patient, "/api").unwrap();
    }
    // Each on a connection of its own: none waits for another's.
    let at_once = [far(), far(), far()].map(|far| async move { far.apiserver_version().await });
    block_on(futures::future::try_join_all(at_once)).unwrap();
    let events = planes[0].audit().since_by(mark, "far/");
    assert_eq!((events.len(), rounds::chain(&events, ROUND_TRIP).len()), (5, 3));
}
