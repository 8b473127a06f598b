use serde_json::Value;

use super::event::Task;
use super::mask::mask;

/// Enough for an error and its cause; the rest stays in the log.
const MAX_MESSAGE_CHARS: usize = 1000;

/// Messages of Ansible that only say that there is a better one in `stderr`.
const EMPTY_PHRASES: [&str; 2] = ["non-zero return code", "MODULE FAILURE"];

/// The message in the result of a failed task, masked: Ansible's `fatal: … => {json}`.
pub(super) fn message_of_result(json: &str) -> String {
    let message = match serde_json::from_str::<Value>(json) {
        Ok(result) => result_message(&result),
        Err(_) => field_of_damaged_json(json),
    };
    presentable(message.as_deref().unwrap_or(json))
}

/// Task and masked message in an event of Ansible, as the installer prints it for a failed component: the last but one
/// event, which need not be the failure itself. `ks-installer controller/installRunner.py@v3.4.1` (`getResultInfo`).
pub(super) fn failure_of_event(json: &str) -> (Option<Task>, String) {
    let Ok(event) = serde_json::from_str::<Value>(json) else {
        return (None, presentable(field_of_damaged_json(json).as_deref().unwrap_or_default()));
    };
    let data = &event["event_data"];
    let task = data["task"].as_str().map(|name| Task::new(data["role"].as_str().unwrap_or(""), name));
    let message = result_message(&data["res"]).or_else(|| text(&event["stdout"]));
    (task, presentable(message.as_deref().unwrap_or_default()))
}

/// Masked line by line, and bounded. Masking comes first: a cut may take away what a value is recognised by.
pub(super) fn presentable(message: &str) -> String {
    let masked: Vec<_> = message.trim().lines().map(|line| mask(line).into_owned()).collect();
    masked.join("\n").chars().take(MAX_MESSAGE_CHARS).collect()
}

fn result_message(result: &Value) -> Option<String> {
    let message = text(&result["msg"]);
    let told =
        message.clone().filter(|message| !EMPTY_PHRASES.iter().any(|phrase| message.starts_with(phrase)));
    text(&result["stderr"])
        .or(told)
        .or_else(|| text(&result["module_stderr"]))
        .or_else(|| failed_item(result))
        .or_else(|| text(&result["stdout"]))
        .or(message)
}

fn failed_item(result: &Value) -> Option<String> {
    let failed = |item: &&Value| item["failed"] == Value::Bool(true);
    result["results"].as_array()?.iter().find(failed).and_then(result_message)
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The first telling field of JSON that was cut, or that another writer's line was printed into.
fn field_of_damaged_json(json: &str) -> Option<String> {
    ["\"stderr\": ", "\"msg\": "].iter().find_map(|key| {
        let (_, value) = json.split_once(key)?;
        let value = serde_json::Deserializer::from_str(value).into_iter::<String>().next()?.ok()?;
        (!value.trim().is_empty()).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_telling_field_is_preferred_and_the_command_left_out() {
        let json = r#"{"cmd": "helm --set token=abc", "msg": "non-zero return code", "stderr": "Error: no"}"#;
        assert_eq!(message_of_result(json), "Error: no");
        assert_eq!(message_of_result(r#"{"msg": "No package", "stderr": ""}"#), "No package");
        let items =
            r#"{"msg": "", "results": [{"failed": false, "msg": "fine"}, {"failed": true, "msg": "bad"}]}"#;
        assert_eq!(message_of_result(items), "bad");
    }

    #[test]
    fn damaged_json_still_gives_its_message() {
        assert_eq!(
            message_of_result(r#"{"changed": true, "msg": "quota \"x\" exceeded", "cut"#),
            "quota \"x\" exceeded"
        );
        assert_eq!(message_of_result("plain text"), "plain text");
    }

    #[test]
    fn a_component_event_without_a_result_gives_its_output() {
        let json =
            r#"{"event": "runner_item_on_failed", "event_data": {"task": "A | B"}, "stdout": "failed: it"}"#;
        assert_eq!(failure_of_event(json), (Some(Task::new("", "B")), "failed: it".to_owned()));
    }

    #[test]
    fn messages_are_masked() {
        let json = r#"{"stderr": "Error: bad value\nadminPassword: hunter2"}"#;
        assert_eq!(message_of_result(json), "Error: bad value\nadminPassword: ***");
    }
}
