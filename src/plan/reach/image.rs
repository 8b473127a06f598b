//! Which of the images on a node a probe pod runs.

/// How long a container that is no pause sleeps: longer than the pod may live.
const SLEEP: [&str; 2] = ["sleep", "3600"];

/// Images whose files have `sleep` in them, by the last part of their names: distributions, what is built upon them,
/// and what Prometheus builds upon busybox (its `Dockerfile`s: `quay.io/prometheus/busybox`).
const WITH_SLEEP: [&str; 14] = [
    "busybox",
    "alpine",
    "debian",
    "ubuntu",
    "nginx",
    "redis",
    "haproxy",
    "prometheus",
    "alertmanager",
    "prometheus-config-reloader",
    // Upon alpine (kubesphere `build/ks-apiserver/Dockerfile`, `build/ks-controller-manager/Dockerfile`).
    "ks-apiserver",
    "ks-controller-manager",
    // Upon shell-operator's, and node's, alpine.
    "ks-installer",
    "ks-console",
];

/// An image that is on the node, and how a container of it waits without doing anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeImage {
    /// The image, as the node lists it.
    pub name: String,
    /// The command; none where the image's own only waits.
    pub command: Option<[&'static str; 2]>,
}

/// The best suited of the images that a node lists: pause, which only waits and which every sandbox is made of; else
/// node-exporter, which KubeSphere has on every node; else another one that is known to have `sleep`.
///
/// The list may lack pause: a kubelet lists its 50 largest images only (`nodeStatusMaxImages`).
pub fn choose(images: &[String]) -> Option<ProbeImage> {
    let usable = images.iter().filter_map(|image| Some((kind(image)?, image)));
    // A tag is easier to recognise than a digest.
    let (kind, image) = usable.min_by_key(|(kind, image)| (*kind, image.contains('@')))?;
    Some(ProbeImage { name: image.clone(), command: (kind != Kind::Pause).then_some(SLEEP) })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Pause,
    NodeExporter,
    WithSleep,
}

fn kind(image: &str) -> Option<Kind> {
    let repository = repository(image);
    // As `pause-amd64`, or `mirrored-pause` in Rancher's mirror.
    let is = |name: &str| {
        repository == name
            || repository.starts_with(&format!("{name}-"))
            || repository.ends_with(&format!("-{name}"))
    };
    if is("pause") {
        Some(Kind::Pause)
    } else if is("node-exporter") {
        Some(Kind::NodeExporter)
    } else {
        WITH_SLEEP.contains(&repository).then_some(Kind::WithSleep)
    }
}

/// The last part of an image's name, without tag and digest.
fn repository(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or_default();
    let last = name.rsplit('/').next().unwrap_or_default();
    last.split(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::choose;

    /// The image, and whether it has to be told to sleep.
    fn chosen(images: &[&str]) -> String {
        let images: Vec<String> = images.iter().map(|image| (*image).to_owned()).collect();
        let chosen = choose(&images).map(|image| found(&image.name, image.command.is_some()));
        chosen.unwrap_or_else(|| "none".to_owned())
    }

    fn found(name: &str, sleeps: bool) -> String {
        format!("{name}{}", if sleeps { " sleeps" } else { "" })
    }

    #[test]
    fn pause_comes_first_by_its_tag_and_runs_as_it_is() {
        let images = [
            "docker.io/library/busybox:1.36",
            "prom/node-exporter:v1.3.1",
            "registry.k8s.io/pause@sha256:7031c1b2",
            "registry.k8s.io/pause:3.9",
        ];
        assert_eq!(chosen(&images), found("registry.k8s.io/pause:3.9", false));
        assert_eq!(
            chosen(&["registry.k8s.io/pause@sha256:7031c1b2"]),
            found("registry.k8s.io/pause@sha256:7031c1b2", false)
        );
    }

    #[test]
    fn pause_has_many_names() {
        for image in [
            "rancher/mirrored-pause:3.6",
            "k8s.gcr.io/pause-amd64:3.1",
            "localhost:5000/kubesphereio/pause:3.8",
            "mcr.microsoft.com/oss/kubernetes/pause:3.6",
        ] {
            assert_eq!(chosen(&["busybox", image]), found(image, false));
        }
    }

    #[test]
    fn without_pause_something_sleeps() {
        let images = ["nginx:1.25", "rancher/mirrored-prometheus-node-exporter:v1.3.1"];
        assert_eq!(chosen(&images), found("rancher/mirrored-prometheus-node-exporter:v1.3.1", true));
        assert_eq!(
            chosen(&["kubesphere/ks-installer:v3.4.1"]),
            found("kubesphere/ks-installer:v3.4.1", true)
        );
    }

    #[test]
    fn an_image_that_only_sounds_alike_is_none() {
        assert_eq!(chosen(&["me/pausefree:1", "me/busybox/tool:1", "<none>@<none>", ""]), "none");
        assert_eq!(chosen(&["registry.k8s.io/coredns/coredns:v1.10"]), "none");
    }
}
