//! Requests, sent as they are written, and what was answered.

use std::{fmt, time::Duration};

use http::{
    Request,
    header::{ACCEPT, CONTENT_TYPE},
};
use http_body_util::BodyExt as _;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::Value;
use testbed::{ControlPlane, block_on, kubeconfig::Credentials};

/// What controllers bring about is there within seconds.
const COMES_WITHIN: Duration = Duration::from_secs(20);

#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) method: &'static str,
    /// With `{N:/pointer}` for a value of an earlier answer, here and in the body.
    pub(super) path: String,
    pub(super) body: Value,
    pub(super) media_type: &'static str,
    pub(super) accept: &'static str,
    pub(super) who: Who,
    /// Asked again until the value at this pointer is there, or (`!/pointer`) gone.
    pub(super) until: Option<&'static str>,
}

#[derive(Clone, Debug)]
pub(super) enum Who {
    Admin,
    /// Taken for this user.
    As(&'static str),
    Token(String),
    Nobody,
}

#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) code: u16,
    pub(super) media_type: String,
    /// Several for a watch.
    pub(super) bodies: Vec<Value>,
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "{} {}", self.code, self.media_type)?;
        self.bodies.iter().try_for_each(|body| writeln!(formatter, "{body:#}"))
    }
}

pub(super) fn ask(plane: &ControlPlane, steps: &[Step]) -> Vec<Answer> {
    let mut answers: Vec<Answer> = Vec::new();
    for step in steps {
        let begun = std::time::Instant::now();
        let answer = loop {
            let answer = send(plane, step, &answers);
            if step.until.is_none_or(|until| holds(&answer, until)) || begun.elapsed() > COMES_WITHIN {
                break answer;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        answers.push(answer);
    }
    answers
}

fn holds(answer: &Answer, until: &str) -> bool {
    let (pointer, wanted) = until.strip_prefix('!').map_or((until, true), |pointer| (pointer, false));
    let body = answer.bodies.first().unwrap_or(&Value::Null);
    body.pointer(pointer).is_some_and(|value| !value.is_null()) == wanted
}

fn send(plane: &ControlPlane, step: &Step, answers: &[Answer]) -> Answer {
    let body = if step.body.is_null() { String::new() } else { filled(&step.body.to_string(), answers) };
    let mut request =
        Request::builder().method(step.method).uri(filled(&step.path, answers)).header(ACCEPT, step.accept);
    if !body.is_empty() {
        request = request.header(CONTENT_TYPE, step.media_type);
    }
    if let Who::As(user) = step.who {
        request = request.header("Impersonate-User", user);
    }
    let request = request.body(body.into_bytes().into()).unwrap();
    let client = client(plane, &step.who, answers);
    block_on(async move {
        let response = client.send(request).await.unwrap();
        let code = response.status().as_u16();
        let media_type = response.headers().get(CONTENT_TYPE).map(|value| value.to_str().unwrap().to_owned());
        let text = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&text).into_owned();
        Answer { code, media_type: media_type.unwrap_or_default(), bodies: values(&text) }
    })
}

fn values(text: &str) -> Vec<Value> {
    let read: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(text).into_iter().collect();
    read.unwrap_or_else(|_| vec![text.into()])
}

fn client(plane: &ControlPlane, who: &Who, answers: &[Answer]) -> Client {
    let mut kubeconfig = match who {
        Who::Token(token) => {
            let token = filled(token, answers);
            // As a Secret has it, or as it is.
            let decoded = testbed::kubesphere::secret::base64_decoded(&token);
            let token = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or(token);
            plane.kubeconfig_with("a", &Credentials::Token(token))
        }
        Who::Admin | Who::As(_) | Who::Nobody => plane.kubeconfig_named("a"),
    };
    if matches!(who, Who::Nobody) {
        let mut parsed: Value = serde_yaml::from_str(&kubeconfig).unwrap();
        parsed["users"][0]["user"] = serde_json::json!({});
        kubeconfig = parsed.to_string();
    }
    let kubeconfig: Kubeconfig = serde_yaml::from_str(&kubeconfig).unwrap();
    block_on(async move {
        let mut config =
            Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        config.default_retry = false;
        config.headers.push((http::header::USER_AGENT, http::HeaderValue::from_static("differences/1")));
        Client::try_from(config).unwrap()
    })
}

/// Puts values of earlier answers where they are named.
fn filled(text: &str, answers: &[Answer]) -> String {
    let mut filled = text.to_owned();
    for (index, answer) in answers.iter().enumerate() {
        while let Some(start) = filled.find(&format!("{{{index}:/")) {
            let end = start + filled[start..].find('}').unwrap();
            let pointer = filled[start..end].split_once(':').unwrap().1.to_owned();
            let value = answer.bodies[0].pointer(&pointer).unwrap_or_else(|| panic!("{pointer} of {answer}"));
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            filled.replace_range(start..=end, &value);
        }
    }
    filled
}
