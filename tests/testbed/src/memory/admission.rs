//! Validating webhooks, before an object is stored.
//!
//! Source: `staging/src/k8s.io/apiserver/pkg/admission/plugin/webhook`.

use std::time::Duration;

use cel::{Context, Program};
use http::{Request, StatusCode, header::CONTENT_TYPE};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use super::{
    objects::Call,
    proxying::{self, Dialled},
    reviews::user_info,
    server::Core,
    status::Refusal,
    store::{GroupResource, Key},
};
use crate::kubesphere::secret;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Create,
    Update,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
        }
    }
}

/// What is about to be stored.
struct Write<'a> {
    call: &'a Call,
    operation: Operation,
    before: Option<&'a Value>,
    after: &'a Value,
}

impl Core {
    /// Asks every webhook that has to do with it; the first that refuses counts.
    pub(super) async fn admit(
        &self,
        call: &Call,
        operation: Operation,
        before: Option<&Value>,
        after: &Value,
    ) -> Result<(), Refusal> {
        let write = Write { call, operation, before, after };
        for webhook in self.webhooks() {
            if write.concerns(&webhook)? {
                self.ask(&webhook, &write).await?;
            }
        }
        Ok(())
    }

    fn webhooks(&self) -> Vec<Value> {
        let configurations =
            GroupResource::new("admissionregistration.k8s.io", "validatingwebhookconfigurations");
        let stored = self.store().list(&configurations, "");
        stored
            .iter()
            .flat_map(|(_, object)| object["webhooks"].as_array().cloned().unwrap_or_default())
            .collect()
    }

    async fn ask(&self, webhook: &Value, write: &Write<'_>) -> Result<(), Refusal> {
        let name = webhook["name"].as_str().unwrap_or_default();
        let ignores = webhook["failurePolicy"] == "Ignore";
        let seconds = webhook["timeoutSeconds"].as_u64().unwrap_or(10);
        let asked = tokio::time::timeout(Duration::from_secs(seconds), self.review(webhook, write)).await;
        let asked = asked.unwrap_or_else(|_| Err("context deadline exceeded".to_owned()));
        match asked {
            Ok(response) if response["allowed"] == true => Ok(()),
            Ok(response) => Err(denied(name, &response["status"])),
            Err(_) if ignores => Ok(()),
            Err(cause) => {
                let url = format!("{}?timeout={seconds}s", url(webhook));
                let cause =
                    if cause.starts_with("service ") { cause } else { format!("Post \"{url}\": {cause}") };
                Err(Refusal::internal(format!(
                    "failed calling webhook \"{name}\": failed to call webhook: {cause}"
                )))
            }
        }
    }

    /// The response of an `AdmissionReview`, or what kept it from coming.
    async fn review(&self, webhook: &Value, write: &Write<'_>) -> Result<Value, String> {
        let service = &webhook["clientConfig"]["service"];
        let address = self.service_address(service)?;
        let authority = webhook["clientConfig"]["caBundle"].as_str().unwrap_or_default();
        let authority = secret::base64_decoded(authority).unwrap_or_default();
        let text = |name: &str| service[name].as_str().unwrap_or_default();
        let server = format!("{}.{}.svc", text("name"), text("namespace"));
        let dialled = Dialled::tls_trusting(self.peers(), &address, &server, &authority).await?;
        let seconds = webhook["timeoutSeconds"].as_u64().unwrap_or(10);
        let request = Request::post(format!("{}?timeout={seconds}s", text("path")))
            .header("host", &server)
            .header(CONTENT_TYPE, "application/json")
            .body(proxying::body(write.review(webhook).to_string()))
            .map_err(|error| error.to_string())?;
        let response = dialled.send(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
        if status != StatusCode::OK {
            return Err(format!("the server responded with {}", status.as_u16()));
        }
        let review: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        Ok(review["response"].clone())
    }

    fn service_address(&self, service: &Value) -> Result<String, String> {
        let text = |name: &str| service[name].as_str().unwrap_or_default();
        let key = Key::new(&GroupResource::new("", "services"), text("namespace"), text("name"));
        let store = self.store();
        let found = store.get(&key).ok_or_else(|| format!("service \"{}\" not found", text("name")))?;
        Ok(format!("{}:{}", found["spec"]["clusterIP"].as_str().unwrap_or_default(), service["port"]))
    }
}

fn url(webhook: &Value) -> String {
    let service = &webhook["clientConfig"]["service"];
    let text = |name: &str| service[name].as_str().unwrap_or_default();
    format!("https://{}.{}.svc:{}{}", text("name"), text("namespace"), service["port"], text("path"))
}

impl Write<'_> {
    fn concerns(&self, webhook: &Value) -> Result<bool, Refusal> {
        let rules = webhook["rules"].as_array().into_iter().flatten();
        let is_ruled = rules.into_iter().any(|rule| self.falls_under(rule));
        Ok(is_ruled && self.meets_conditions(webhook)?)
    }

    fn falls_under(&self, rule: &Value) -> bool {
        let has = |list: &str, wanted: &str| {
            let list = rule[list].as_array().into_iter().flatten();
            list.into_iter().any(|one| one == "*" || one == wanted)
        };
        has("operations", self.operation.name())
            && has("apiGroups", &self.call.request.group)
            && has("apiVersions", &self.call.request.version)
            && has("resources", &self.call.request.with_subresource())
    }

    fn meets_conditions(&self, webhook: &Value) -> Result<bool, Refusal> {
        for condition in webhook["matchConditions"].as_array().into_iter().flatten() {
            let expression = condition["expression"].as_str().unwrap_or_default();
            if !self.meets(expression).map_err(Refusal::internal)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Evaluates a condition in the Common Expression Language.
    fn meets(&self, expression: &str) -> Result<bool, String> {
        let program = Program::compile(expression).map_err(|error| error.to_string())?;
        let mut context = Context::default();
        let none = Value::Null;
        let request = self.request();
        for (name, value) in
            [("object", self.after), ("oldObject", self.before.unwrap_or(&none)), ("request", &request)]
        {
            context.add_variable(name, value).map_err(|error| error.to_string())?;
        }
        program.execute(&context).map(|value| value == true.into()).map_err(|error| error.to_string())
    }

    fn request(&self) -> Value {
        let resource = &self.call.resource;
        let metadata = &self.after["metadata"];
        let kind = json!({"group": resource.group, "version": resource.version, "kind": resource.kind});
        let named =
            json!({"group": resource.group, "version": resource.version, "resource": resource.plural});
        let mut request = json!({
            "uid": secret::random_uuid(), "kind": kind, "resource": named, "requestKind": kind, "requestResource": named,
            "name": metadata["name"], "operation": self.operation.name(), "userInfo": user_info(&self.call.user),
            "dryRun": self.call.query.is_dry_run(),
        });
        if resource.is_namespaced {
            request["namespace"] = metadata["namespace"].clone();
        }
        request
    }

    fn review(&self, webhook: &Value) -> Value {
        let version = webhook["admissionReviewVersions"][0].as_str().unwrap_or("v1");
        let mut request = self.request();
        request["object"] = self.call.in_version(self.after);
        request["oldObject"] = self.before.map(|before| self.call.in_version(before)).unwrap_or_default();
        json!({"apiVersion": format!("admission.k8s.io/{version}"), "kind": "AdmissionReview", "request": request})
    }
}

/// Source: `ToStatusErr` in `staging/src/k8s.io/apiserver/pkg/admission/plugin/webhook/errors/statuserror.go`.
fn denied(name: &str, status: &Value) -> Refusal {
    let text = |field: &str| status[field].as_str().filter(|text| !text.is_empty());
    let why = text("message").or_else(|| text("reason"));
    let why = why.map_or_else(|| " without explanation".to_owned(), |why| format!(": {why}"));
    let code = status["code"].as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or(400);
    let code = StatusCode::from_u16(code.max(400)).unwrap_or(StatusCode::BAD_REQUEST);
    let message = format!("admission webhook \"{name}\" denied the request{why}");
    Refusal::new(code, text("reason").unwrap_or_default(), message, Value::Null)
}
