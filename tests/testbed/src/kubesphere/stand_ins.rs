//! All stand-ins of one cluster, started together and ended together.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::{
    Generation, Peculiarity,
    cluster_controller::ClusterController,
    fixture::{self, Facts},
    kubelet, mount,
    probes::Kubelets,
    scenario::ControllerScenario,
    site::Site,
    v4,
    workloads::Workloads,
};
use crate::Error;

/// The running stand-ins of one cluster; dropped, they end.
pub struct StandIns {
    site: Arc<Site>,
    tasks: Vec<(&'static str, JoinHandle<()>)>,
}

impl StandIns {
    /// Installs KubeSphere and starts what runs of it.
    pub async fn start(site: Arc<Site>, facts: Facts) -> Result<Self, Error> {
        fixture::install(&site, &facts).await?;
        let mut started = Self { site: Arc::clone(&site), tasks: Vec::new() };
        let generation = site.version().generation();
        if generation == Generation::Three && site.installation.has(&Peculiarity::NoKubeSphere) {
            return Ok(started);
        }
        kubelet::register(&site)?;
        let mut workloads = Workloads::new(Arc::clone(&site), Arc::new(facts));
        workloads.reconcile().await?;
        started.run("workloads", workloads.keep());
        started.run("mount", mount::follow(Arc::clone(&site)));
        if generation == Generation::Four {
            started.run("jobs", v4::Jobs::new(Arc::clone(&site)).operate());
        }
        started.run("kubelets", Kubelets::new(site).operate());
        Ok(started)
    }

    /// Starts the cluster controller: the host's ks-controller-manager.
    pub fn control(&mut self, scenario: ControllerScenario, host_kubeconfig: String) {
        if scenario == ControllerScenario::Down {
            self.site.webhook.refuse(self.site.plane().peers());
        }
        let site = Arc::clone(&self.site);
        match site.version().generation() {
            Generation::Three => {
                let controller = ClusterController::new(site, scenario, host_kubeconfig);
                self.run("cluster controller", Arc::new(controller).operate());
            }
            Generation::Four => {
                let controller = v4::controller::ClusterController::new(site, scenario, host_kubeconfig);
                self.run("cluster controller", Arc::new(controller).operate());
            }
        }
    }

    /// The cluster that they play on.
    pub fn site(&self) -> &Arc<Site> {
        &self.site
    }

    /// What the stand-ins could not do, and which of them panicked.
    pub fn faults(&self) -> Vec<String> {
        let panicked = self.tasks.iter().filter(|(name, task)| task.is_finished() && !self.may_end(name));
        let panics = panicked.map(|(name, _)| format!("{}: the stand-in {name} has ended", self.site.name));
        self.site.faults().into_iter().chain(panics).collect()
    }

    fn may_end(&self, task: &str) -> bool {
        match task {
            "mount" => self.site.version().installer_restarts_the_core(),
            "cluster controller" => true,
            _ => false,
        }
    }

    fn run(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.push((name, tokio::spawn(task)));
    }
}

impl Drop for StandIns {
    fn drop(&mut self) {
        for (_, task) in &self.tasks {
            task.abort();
        }
    }
}
